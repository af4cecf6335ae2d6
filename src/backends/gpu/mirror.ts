import type { NumericArray } from '../../autodiff/value.ts'

/**
 * Copies on the device of what all samples share: parameters, directions.
 *
 * The host writes its arrays in place. A caller that says so (`changed`) has each change uploaded once; for arrays of
 * which it never said anything every use is an upload, which is always right.
 *
 * @typeParam H what stands for an array on the device
 */
export class Mirror<H> {
  readonly #upload: (values: Float32Array, previous: H | undefined) => H
  readonly #copies = new WeakMap<NumericArray, Map<string, { version: number; handle: H }>>()
  readonly #versions = new WeakMap<NumericArray, number>()

  constructor(upload: (values: Float32Array, previous: H | undefined) => H) {
    this.#upload = upload
  }

  changed(array: NumericArray): void {
    this.#versions.set(array, (this.#versions.get(array) ?? 0) + 1)
  }

  /** A plan has delivered results to the array. */
  delivered(array: NumericArray): void {
    if (this.#versions.has(array)) this.changed(array)
  }

  /** `size` elements of the array from `offset` on, as they are now. */
  on(array: NumericArray, offset: number, size: number): H {
    const version = this.#versions.get(array)
    let parts = this.#copies.get(array)
    if (parts === undefined) {
      parts = new Map()
      this.#copies.set(array, parts)
    }
    const key = `${offset}+${size}`
    const copy = parts.get(key)
    if (copy !== undefined && version !== undefined && copy.version === version) return copy.handle
    const values = array.subarray(offset, offset + size)
    const floats = values instanceof Float32Array ? values : Float32Array.from(values)
    const handle = this.#upload(floats, copy?.handle)
    parts.set(key, { version: version ?? -1, handle })
    return handle
  }
}
