/** How far from ḡ something reaches, in the geometry of a test. */
export type Region =
  | { readonly shape: 'ball'; readonly radius: number }
  /** Half-widths along ḡ and across it; infinite where a test does not look. */
  | { readonly shape: 'along-across'; readonly along: number; readonly across: number }
  /** Half-widths along the axes. */
  | { readonly shape: 'coordinates'; readonly halves: readonly [number, number] }

/** A test by name with its parameters, as in a configuration. */
export interface NamedTest {
  readonly name: string
  readonly [parameter: string]: unknown
}

/** What a batch of b gradients says in two dimensions. */
export interface BatchMoments {
  readonly mean: readonly [number, number]
  readonly batchSize: number
  /** Sample covariance of the g_i: Var₁, Var₂, Cov. */
  readonly covariance: readonly [number, number, number]
}

/** The region that a test demands, and what the batch measures, in the same shape: it passes iff the second fits the first. */
export interface Demand {
  readonly demanded: Region
  readonly measured: Region
  readonly passed: boolean
}

/** The tests whose geometry is known here. */
export const PICTURED: readonly string[] = [
  'norm',
  'inner-product',
  'orthogonality',
  'augmented',
  'augmented-inner-product',
  'coordinate',
]

/**
 * The geometry of docs/maths.md §2: both sides of each inequality as lengths around ḡ.
 *
 * - norm: a ball of radius η‖ḡ‖; measured √(‖Var‖₁/b)
 * - inner product: a band of half-width ϑ‖ḡ‖ along ḡ; measured √(Var⟨g_i, ḡ⟩/b)/‖ḡ‖
 * - orthogonality: a tube of half-width ν‖ḡ‖ around the line of ḡ; measured √(OrthVar/b)
 * - augmented: both; coordinate-wise: η|ḡ_j| along each axis, measured √(Var_j/b)
 *
 * @returns undefined for a test whose geometry is not known here, and for one sample
 */
export function demandOf(test: NamedTest, { mean, batchSize: b, covariance }: BatchMoments): Demand | undefined {
  const [v1, v2, c] = covariance
  const [g1, g2] = mean
  const length = Math.hypot(g1, g2)
  if (b < 2 || length === 0) return undefined
  const number = (key: string, fallback: number) => (typeof test[key] === 'number' ? (test[key] as number) : fallback)
  // Var⟨g_i, ḡ⟩/‖ḡ‖², the variance along ḡ; the rest is OrthVar.
  const along = (v1 * g1 * g1 + v2 * g2 * g2 + 2 * c * g1 * g2) / (length * length)
  const across = Math.max(0, v1 + v2 - along)
  const reach = (theta: number, nu: number): Demand => {
    const demanded = { shape: 'along-across', along: theta * length, across: nu * length } as const
    const measured = {
      shape: 'along-across',
      along: Number.isFinite(theta) ? Math.sqrt(along / b) : Number.POSITIVE_INFINITY,
      across: Number.isFinite(nu) ? Math.sqrt(across / b) : Number.POSITIVE_INFINITY,
    } as const
    return { demanded, measured, passed: measured.along <= demanded.along && measured.across <= demanded.across }
  }
  switch (test.name) {
    case 'norm': {
      const radius = number('eta', 0.1) * length
      const spread = Math.sqrt((v1 + v2) / b)
      return {
        demanded: { shape: 'ball', radius },
        measured: { shape: 'ball', radius: spread },
        passed: spread <= radius,
      }
    }
    case 'inner-product':
      return reach(number('theta', 0.5), Number.POSITIVE_INFINITY)
    case 'orthogonality':
      return reach(Number.POSITIVE_INFINITY, number('nu', 1))
    case 'augmented':
    case 'augmented-inner-product':
      return reach(number('theta', 0.5), number('nu', 1))
    case 'coordinate': {
      const eta = number('eta', 1)
      const floor = number('floor', 0)
      const halves = [eta * Math.max(Math.abs(g1), floor), eta * Math.max(Math.abs(g2), floor)] as const
      const spread = [Math.sqrt(v1 / b), Math.sqrt(v2 / b)] as const
      const held = [0, 1].filter((j) => spread[j]! <= halves[j]!).length
      return {
        demanded: { shape: 'coordinates', halves },
        measured: { shape: 'coordinates', halves: spread },
        passed: held >= Math.ceil(number('quantile', 1) * 2),
      }
    }
    default:
      return undefined
  }
}

/** The largest finite reach, for the scale of a picture. */
export function reachOf(region: Region): number {
  if (region.shape === 'ball') return region.radius
  if (region.shape === 'coordinates') return Math.max(...region.halves)
  return Math.max(...[region.along, region.across].filter(Number.isFinite))
}
