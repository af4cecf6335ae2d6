import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** A browser as a program that opens a page, without a driver. */
export interface Engine {
  /** Of browser and engine. */
  readonly name: string
  /** What to install where it is missing. */
  readonly needs: string
  /** Where it may be; the first that is there counts. */
  readonly paths: readonly (string | undefined)[]
  /** The call that opens a page with a profile of its own. */
  command(path: string, profile: string, url: string): readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Files of the profile, by name. */
  readonly profile?: Readonly<Record<string, string>>
}

const { CHROMIUM, FIREFOX, WEBKIT } = process.env

/** Without welcome pages, updates or reports. */
const firefoxPreferences = {
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.aboutwelcome.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.enabled': false,
}

export const engines: readonly Engine[] = [
  {
    name: 'Chromium (V8)',
    needs: 'chromium, or its path in CHROMIUM',
    paths: [CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
    command: (path, profile, url) => [path, '--headless', '--no-sandbox', `--user-data-dir=${profile}`, url],
  },
  {
    name: 'Firefox (SpiderMonkey)',
    needs: 'firefox-esr, or its path in FIREFOX',
    paths: [FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'],
    command: (path, profile, url) => [path, '--headless', '--no-remote', '--profile', profile, url],
    profile: {
      'user.js': Object.entries(firefoxPreferences)
        .map(([name, value]) => `user_pref("${name}", ${value});\n`)
        .join(''),
    },
  },
  {
    name: 'WebKitGTK (JavaScriptCore)',
    needs: "libwebkit2gtk-4.1-0, or its MiniBrowser's path in WEBKIT, xvfb and xauth",
    paths: [WEBKIT, ...['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/webkit2gtk-4.1/MiniBrowser`)],
    command: (path, _, url) => ['xvfb-run', '--auto-servernum', path, '--private', url],
    // Off in GTK's build; Safari has it on pages like ours.
    environment: { JSC_useSharedArrayBuffer: '1' },
  },
]

const pathOf = ({ paths }: Engine) => paths.find((path): path is string => path !== undefined && existsSync(path))

/** Whether the browser is here; in CI it has to be. */
export function isHere(engine: Engine): boolean {
  const [program] = engine.command(pathOf(engine) ?? '', '', '')
  const here = program !== '' && spawnSync('which', [program!]).status === 0 && pathOf(engine) !== undefined
  if (!here && process.env.CI) throw new Error(`in CI no engine is skipped: install ${engine.needs}`)
  return here
}

/** Milliseconds in which a browser has to answer, on a machine that has other things to do. */
export const PATIENCE = 100_000

/** Opens the page in a browser of its own, until what `done` promises has come or the browser has ended. */
export async function visit<T>(engine: Engine, url: string, done: Promise<T>): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), 'adadagrad-browser-'))
  for (const [file, text] of Object.entries(engine.profile ?? {})) await writeFile(join(profile, file), text)
  const [program, ...options] = engine.command(pathOf(engine)!, profile, url)
  // A group of its own, so that its children end with it; a home of its own, so that it touches nobody's.
  const browser = spawn(program!, options, {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...engine.environment, HOME: profile, TMPDIR: profile, XDG_RUNTIME_DIR: profile },
  })
  let said = ''
  browser.stderr.on('data', (text) => {
    said = `${said}${text}`.slice(-2000)
  })
  const ended = new Promise<void>((resolve) => browser.once('close', () => resolve()))
  const lost = ended.then(() => Promise.reject(new Error(`${engine.name} ended by itself: ${said}`)))
  browser.on('error', (error) => {
    said += error.message
  })
  try {
    const late = setTimeout(PATIENCE, undefined, { ref: false }).then(() => {
      throw new Error(`${engine.name} has not answered for ${PATIENCE / 1000} seconds: ${said}`)
    })
    return await Promise.race([done, lost, late])
  } finally {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      try {
        process.kill(-browser.pid!, signal)
      } catch {
        // It has ended already.
      }
      await Promise.race([ended, setTimeout(3000, undefined, { ref: false })])
    }
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}
