import type { DType, NumericArray } from '../../autodiff/value.ts'
import type { Heap } from './memory.ts'

interface Block {
  readonly address: number
  readonly bytes: number
}

/**
 * The storage that all plans of a backend share: one scratch space for what lives within a stage, and slots for what
 * later stages need. Both grow to the largest plan's needs; what is outgrown is used again.
 */
export class Arena {
  readonly #heap: Heap
  readonly #free: Block[] = []
  readonly #constants = new Map<number | string, Block>()
  readonly #slots: Block[] = []
  #scratch: Block = { address: 0, bytes: 0 }
  #slotBytes = 0
  readonly #reuse: boolean

  /** @param reuse false where another thread may still be at work in what is outgrown */
  constructor(heap: Heap, reuse = true) {
    this.#heap = heap
    this.#reuse = reuse
  }

  /** Makes sure that scratch space and, from their next use on, slots have so many bytes. */
  reserve(scratchBytes: number, slotBytes: number): void {
    this.#slotBytes = Math.max(this.#slotBytes, slotBytes)
    this.#scratch = this.#enlarge(this.#scratch, scratchBytes, 'the working space of a chunk')
  }

  scratch(): number {
    return this.#scratch.address
  }

  /**
   * The address of a slot, which is made at its first use. One that is large enough for a plan stays where it is, with
   * what the plan has saved there, whatever other plans need.
   */
  slot(index: number, bytes: number): number {
    const slot = this.#slots[index] ?? { address: 0, bytes: 0 }
    if (slot.bytes < bytes)
      this.#slots[index] = this.#enlarge(slot, this.#slotBytes, `slot ${index} for the saved values of a chunk`)
    return this.#slots[index]!.address
  }

  /** The address of `size` copies of a number. */
  constant(number: number, size: number): number {
    // A map takes −0 for 0.
    const key = Object.is(number, -0) ? '-0' : number
    const known = this.#constants.get(key)
    if (known !== undefined && known.bytes >= 4 * size) return known.address
    const array = this.#heap.float32(size, 'a constant').fill(number)
    this.#constants.set(key, { address: array.byteOffset, bytes: 4 * size })
    return array.byteOffset
  }

  view(address: number, length: number, dtype: DType): NumericArray {
    return dtype === 'index' ? this.#heap.indicesAt(address, length) : this.#heap.viewAt(address, length)
  }

  owns(array: NumericArray): boolean {
    return this.#heap.owns(array)
  }

  #enlarge(block: Block, bytes: number, purpose: string): Block {
    if (block.bytes >= bytes) return block
    const at = this.#free.findIndex((free) => free.bytes >= bytes)
    if (at < 0) {
      // Powers of two: what is outgrown in the course of time adds up to no more than what is in use.
      const room = 2 ** Math.ceil(Math.log2(bytes))
      const made = { address: this.#heap.allocate(room, purpose), bytes: room }
      if (this.#reuse && block.bytes > 0) this.#free.push(block)
      return made
    }
    const found = this.#free.splice(at, 1)[0]!
    this.#free.push(block)
    return found
  }
}
