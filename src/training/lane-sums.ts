import type { Backend } from '../backends/backend.ts'
import type { StatisticsLevel } from '../statistics/gradient-statistics.ts'
import type { Chunk } from './cut.ts'

/** Everything that chunks merge by addition, in float64. */
export interface Sums {
  /** Σ ℓ_i and Σ‖g_i‖². */
  readonly scalars: Float64Array
  /** Σ g_i, [d]. */
  readonly gradient: Float64Array
  /** Σ g_i∘g_i, [d]; made at the first batch that needs it. */
  squares?: Float64Array
}

/**
 * The sums of a batch's lanes. Lane 0 is the total, to which the others are added in order, each as soon as it and all
 * before it are complete; its arrays then serve another lane. One thread, which takes lane after lane, needs two sets.
 */
export class LaneSums {
  readonly #backend: Backend
  readonly #size: number
  readonly #free: Sums[] = []
  readonly total: Sums
  #level: StatisticsLevel = 'none'
  /** Chunks of each lane that are not finished, and the lane's sums from its first chunk on. */
  #remaining: number[] = []
  #sums: (Sums | undefined)[] = []
  #merged = 0

  constructor(backend: Backend, size: number) {
    this.#backend = backend
    this.#size = size
    this.total = this.#make()
  }

  begin(chunks: readonly Chunk[], level: StatisticsLevel): void {
    this.#level = level
    this.#merged = 0
    this.#remaining.length = 0
    this.#sums.length = 0
    for (const { lane } of chunks) this.#remaining[lane] = (this.#remaining[lane] ?? 0) + 1
    this.#sums[0] = this.#cleared(this.total)
  }

  /** The sums of a chunk's lane. */
  of({ lane }: Chunk): Sums {
    this.#sums[lane] ??= this.#cleared(this.#free.pop() ?? this.#make())
    return this.#sums[lane]
  }

  /** Says that a chunk has been added to its lane. */
  finished({ lane }: Chunk): void {
    this.#remaining[lane]!--
    while (this.#remaining[this.#merged] === 0) {
      const sums = this.#sums[this.#merged++]!
      if (sums === this.total) continue
      this.#add(sums)
      this.#free.push(sums)
    }
  }

  #make(): Sums {
    return { scalars: this.#backend.allocateDouble(2), gradient: this.#backend.allocateDouble(this.#size) }
  }

  #cleared(sums: Sums): Sums {
    sums.scalars.fill(0)
    sums.gradient.fill(0)
    if (this.#level !== 'coordinates') return sums
    if (sums.squares) sums.squares.fill(0)
    else sums.squares = this.#backend.allocateDouble(this.#size)
    return sums
  }

  #add({ scalars, gradient, squares }: Sums): void {
    this.total.scalars[0]! += scalars[0]!
    this.total.scalars[1]! += scalars[1]!
    this.#backend.accumulate(this.total.gradient, gradient)
    if (this.#level === 'coordinates') this.#backend.accumulate(this.total.squares!, squares!)
  }
}
