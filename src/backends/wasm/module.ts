import { AdadagradError } from '../../errors.ts'

export type Simd = 'strict' | 'relaxed'

/** Compiled kernels; the module can be posted to other threads. */
export interface Binary {
  readonly module: WebAssembly.Module
  readonly simd: Simd | 'given'
}

/**
 * Finds and compiles the kernels.
 *
 * `strict` gives the same bits on every machine. `relaxed` fuses multiplications with additions where the processor can,
 * which is faster; `auto` takes it where it is offered.
 *
 * @throws AdadagradError when the file is missing, or relaxed SIMD is
 */
export async function loadBinary(
  simd: Simd | 'auto',
  given?: ArrayBufferView | ArrayBuffer | WebAssembly.Module,
): Promise<Binary> {
  if (given instanceof WebAssembly.Module) return { module: given, simd: 'given' }
  if (given !== undefined) return { module: await compile(given as BufferSource, 'the given binary'), simd: 'given' }
  if (simd === 'strict') return { module: await compile(await read('strict'), 'strict.wasm'), simd: 'strict' }
  await offerRelaxed()
  const relaxed = await read('relaxed')
  if (WebAssembly.validate(relaxed)) return { module: await compile(relaxed, 'relaxed.wasm'), simd: 'relaxed' }
  if (simd === 'relaxed')
    throw new AdadagradError(
      "this engine has no relaxed SIMD (Chrome and Edge 114, Node 21 and newer, and current Firefox have it); use simd: 'strict' or 'auto'",
    )
  return { module: await compile(await read('strict'), 'strict.wasm'), simd: 'strict' }
}

async function compile(bytes: BufferSource, what: string): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes)
  } catch (cause) {
    throw new AdadagradError(`cannot compile ${what}: ${(cause as Error).message}`, { cause })
  }
}

// Node's own modules are asked for at run time and only there, so that bundlers and browsers never meet them.
const inNode = typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function'

/** The bytes of dist/wasm/<name>.wasm, which lies three levels up from here in src and in dist alike. */
async function read(name: Simd): Promise<BufferSource> {
  const url = new URL(`../../../dist/wasm/${name}.wasm`, import.meta.url)
  if (inNode && url.protocol === 'file:') {
    try {
      return new Uint8Array(process.getBuiltinModule('node:fs').readFileSync(url))
    } catch (cause) {
      throw new AdadagradError(`the kernels are not built: no ${url.pathname}; run \`npm run build\``, { cause })
    }
  }
  const response = await fetch(url)
  if (!response.ok) throw new AdadagradError(`cannot load the kernels: ${url} answered ${response.status}`)
  return response.arrayBuffer()
}

/** Node 20 has relaxed SIMD behind a switch of its engine, which acts on modules that are compiled afterwards. */
async function offerRelaxed(): Promise<void> {
  if (!inNode || Number(process.versions.node.split('.')[0]) > 20) return
  process.getBuiltinModule('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd')
}
