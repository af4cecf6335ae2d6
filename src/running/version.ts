import { readFileSync } from 'node:fs'

/** The package's version; src/running and dist/running are both two levels below its root. Node only. */
export const packageVersion = (): string =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
