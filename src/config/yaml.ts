// Reading a YAML or JSON file; Node only.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { ConfigurationError } from '../errors.ts'
import { type ConfigFile, readText } from './file.ts'

/**
 * Reads YAML, of which JSON is a part, with anchors and merge keys (`<<`); its errors can be placed.
 *
 * @throws ConfigurationError for a file that cannot be read, and for YAML errors with file, line and column
 * @example (await readYamlFile('comparison.yaml')).value
 */
export async function readYamlFile(path: string): Promise<ConfigFile & { readonly text: string }> {
  const text = await readText(path)
  return { ...parseYaml(text, path), text }
}

/** The same from text; `name` stands for the file in messages. */
export function parseYaml(text: string, name: string): ConfigFile {
  const lineCounter = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset)
    return `${name}:${line}:${col}`
  }
  const document = parseDocument(text, { lineCounter, merge: true, prettyErrors: false })
  const [first] = document.errors
  if (first) throw new ConfigurationError(`${at(first.pos[0])}: not YAML: ${first.message.replaceAll('\n', ' ')}`)
  return {
    value: document.toJS(),
    place(path) {
      // A missing value has no place of its own; that of the object around it is the nearest.
      let node: unknown = document.contents
      let offset = (document.contents?.range ?? [0])[0]
      for (const key of path) {
        if (isAlias(node)) node = node.resolve(document)
        if (isMap(node)) {
          const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === String(key))
          if (!pair) break
          offset = (isScalar(pair.key) && pair.key.range?.[0]) || offset
          node = pair.value
        } else if (isSeq(node)) {
          node = node.items[Number(key)]
          if (isScalar(node) || isMap(node)) offset = node.range?.[0] ?? offset
        } else break
      }
      return at(offset)
    },
  }
}
