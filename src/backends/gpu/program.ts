import type { LeafAttributes, Value } from '../../autodiff/value.ts'
import type { Output } from '../backend.ts'
import type { ArrayId } from './expression.ts'
import type { Kernel } from './kernel.ts'
import type { Product } from './kernels/matmul.ts'

/** One kernel, run once over a whole result. */
export interface Step {
  readonly kernel: Kernel
  readonly inputs: readonly ArrayId[]
  /** For the kernel's scalar arguments, in order. */
  readonly scalars: readonly number[]
  readonly output: ArrayId
  /** For matrix products, what is multiplied: a device may have a kernel of its own for it. */
  readonly product?: Product
}

/** Where the elements of an array come from. */
export type Origin =
  /** A step computes them. */
  | { readonly kind: 'computed' }
  /** The host writes them: fields of samples for every run, what all samples share when it has changed. */
  | { readonly kind: 'leaf'; readonly leaf: Value<LeafAttributes> }
  /** The same number everywhere. */
  | { readonly kind: 'constant'; readonly value: number }

export interface DeviceArray {
  readonly size: number
  readonly origin: Origin
}

/** What an output reads: an array on the device, or a number that needs no device. */
export interface Delivery {
  readonly output: Output
  readonly size: number
  readonly from: { readonly array: ArrayId } | { readonly value: number }
}

export interface Stage {
  readonly steps: readonly Step[]
  /** Leaves that the stage reads. */
  readonly leaves: readonly ArrayId[]
  readonly deliveries: readonly Delivery[]
}

/** A graph as steps over numbered arrays: everything that is known before a device is. */
export interface Program {
  readonly arrays: readonly DeviceArray[]
  readonly stages: readonly Stage[]
}

/** The arrays that a stage reads without computing them, and those that it hands over to the host. */
export const usesOf = ({ steps, deliveries }: Pick<Stage, 'steps' | 'deliveries'>): ArrayId[] => [
  ...steps.flatMap(({ inputs }) => inputs),
  ...deliveries.flatMap(({ from }) => ('array' in from ? [from.array] : [])),
]
