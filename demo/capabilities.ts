// The smallest module with a SIMD instruction: () => drop(v128.const 0).
const simd = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0],
  ...[253, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11],
)

/** What the browser lacks to run this page, as something its user can act on; undefined where nothing is missing. */
export function missingCapability(): string | undefined {
  if (typeof WebAssembly !== 'object')
    return 'WebAssembly is switched off in this browser. It may be a security setting (“lockdown”, “strict site isolation”, a policy of your organisation).'
  if (!WebAssembly.validate(simd))
    return 'This browser has no WebAssembly SIMD, which the training runs on. Chrome and Edge 91, Firefox 89, Safari 16.4 and newer have it.'
  try {
    new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
  } catch {
    return 'This browser gives no shared WebAssembly memory to this page. It does on hosts that send the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.'
  }
  return undefined
}

/** Whether the host lets the page share memory between threads. */
export const isolated = (): boolean => globalThis.crossOriginIsolated === true

/** Whether threads do share memory: WebKit for GTK has it switched off on isolated pages, too. */
export const sharesMemory = (): boolean => isolated() && typeof SharedArrayBuffer === 'function'
