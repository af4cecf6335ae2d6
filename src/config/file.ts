// Reading a configuration file; Node only.
import { readFile } from 'node:fs/promises'
import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import { ConfigurationError } from '../errors.ts'
import { show } from '../validate.ts'

/** A configuration as it was written, and where each of its values stands. */
export interface ConfigFile {
  readonly value: unknown
  /** `run.json:4:12` for the value at a path, as exactly as the file allows. */
  place(path: readonly PropertyKey[]): string
}

/**
 * Reads JSON whose errors can be placed.
 *
 * @throws ConfigurationError for a file that cannot be read, and for JSON errors with file, line and column
 * @example (await readConfigFile('run.json')).value
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  return parseConfig(await readText(path), path)
}

/** The text of a file, or in a line why there is none. */
export async function readText(path: string): Promise<string> {
  try {
    // Some editors begin a file with a byte order mark; it is no part of the text.
    return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why =
      code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'a folder, expected a file' : `cannot be read (${code})`
    throw new ConfigurationError(`${path}: ${why}`, { cause })
  }
}

/** The same from text; `name` stands for the file in messages. */
export function parseConfig(text: string, name: string): ConfigFile {
  const at = (offset: number) => {
    const before = text.slice(0, offset).split('\n')
    return `${name}:${before.length}:${before.at(-1)!.length + 1}`
  }
  const errors: ParseError[] = []
  const tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false })
  const [first] = errors
  if (first) throw new ConfigurationError(`${at(first.offset)}: not JSON: ${words(printParseErrorCode(first.error))}`)
  const twice = tree && repeated(tree)
  // JSON.parse would take the last one and say nothing.
  if (twice) throw new ConfigurationError(`${at(twice.offset)}: the key ${show(twice.value)} is there twice`)
  return {
    value: JSON.parse(text),
    place(path) {
      // A missing value has no place of its own; that of the object around it is the nearest.
      for (let length = path.length; length >= 0; length--) {
        const node = tree && findNodeAtLocation(tree, path.slice(0, length) as (string | number)[])
        // Where its key is: a value is looked for by its name.
        if (node) return at(node.parent?.type === 'property' ? node.parent.offset : node.offset)
      }
      return name
    },
  }
}

/** The first key that its object already has. */
function repeated({ type, children = [] }: Node): Node | undefined {
  const keys = new Set<unknown>()
  for (const child of children) {
    const key = type === 'object' ? child.children![0]! : undefined
    if (key && keys.has(key.value)) return key
    if (key) keys.add(key.value)
    const within = repeated(child)
    if (within) return within
  }
  return undefined
}

/** `PropertyNameExpected` → `property name expected`. */
const words = (code: string): string => code.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
