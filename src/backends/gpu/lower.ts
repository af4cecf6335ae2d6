import { sizeOf } from '../../autodiff/shape.ts'
import { constantOf, isLeaf, topologicalOrder, type Value } from '../../autodiff/value.ts'
import { ConfigurationError } from '../../errors.ts'
import type { Graph } from '../backend.ts'
import { type ArrayId, element, elementwiseKernel, MOST_ARRAYS, number, reduceKernel, repeated } from './expression.ts'
import { extentsOf, matmulKernel } from './kernels/matmul.ts'
import type { Lowered, Lowering } from './lowering.ts'
import { lowerings } from './operations.ts'
import { type DeviceArray, type Origin, type Program, type Stage, type Step, usesOf } from './program.ts'

/** Partial sums take so many terms at most: the error of a float32 sum grows with its length. */
const LONGEST_SUM = 512

/**
 * A graph as steps for a device.
 *
 * Element-wise operations whose result one other element-wise operation or reduction uses are computed there and never
 * stored; what is computed twice in a stage is computed once.
 *
 * @throws ConfigurationError that names an operation without a kernel
 */
export function lower({ stages }: Graph): Program {
  const arrays: DeviceArray[] = []
  const lowered = new Map<Value, Lowered>()
  const stageOf = new Map<Value, number>()
  const orders = stages.map((outputs, s) => {
    const order = topologicalOrder(outputs.map(({ value }) => value)).filter((value) => !stageOf.has(value))
    for (const value of order) stageOf.set(value, s)
    return order
  })
  const users = countUsers(stages, orders, stageOf)
  const kept = new Set(
    orders.flatMap((order, s) => order.flatMap(({ inputs }) => inputs).filter((input) => stageOf.get(input)! < s)),
  )
  for (const [s, outputs] of stages.entries())
    for (const { value } of outputs) if (stageOf.get(value)! < s) kept.add(value)

  const add = (size: number, origin: Origin): ArrayId => arrays.push({ size, origin }) - 1
  const constants = new Map<string, ArrayId>()
  const results = orders.map((order, s) => {
    const steps: Step[] = []
    const known = new Map<string, ArrayId>()

    const context: Lowering = {
      array(value) {
        const size = sizeOf(value.shape)
        const number = constantOf(value)
        if (number !== undefined) {
          const key = `${number}×${size}`
          const array = constants.get(key) ?? add(size, { kind: 'constant', value: number })
          constants.set(key, array)
          return array
        }
        const form = lowered.get(value)!
        if ('array' in form) return form.array
        const array = context.store(form.expression, size)
        lowered.set(value, { array })
        return array
      },
      expression(value) {
        const constant = constantOf(value)
        if (constant !== undefined) return number(constant)
        const form = lowered.get(value)!
        return 'array' in form ? element(form.array) : form.expression
      },
      repeated(value, inner, total) {
        const constant = constantOf(value)
        return constant !== undefined
          ? number(constant)
          : repeated(context.array(value), inner, sizeOf(value.shape), total)
      },
      run(kernel, inputs, scalars, size, product) {
        const key = `${kernel.source}|${inputs}|${scalars}|${size}`
        let output = known.get(key)
        if (output === undefined) {
          output = add(size, { kind: 'computed' })
          known.set(key, output)
          steps.push({ kernel, inputs, scalars, output, ...(product && { product }) })
        }
        return output
      },
      store(expression, size) {
        if (expression.code === '{a0}[i]' && arrays[expression.arrays[0]!]!.size === size) return expression.arrays[0]!
        const scalars = expression.scalars.map(({ value }) => value)
        return context.run(elementwiseKernel(expression), expression.arrays, scalars, size)
      },
      matmul: (a, b, product) =>
        context.run(matmulKernel, [a, b], extentsOf(product), product.batch * product.m * product.n, product),
      reduce(expression, rows, extent, columns, by = 'sum') {
        const parts = partsOf(extent, columns)
        const scalars = [...expression.scalars.map(({ value }) => value), extent, parts, columns]
        const kernel = reduceKernel(expression, by)
        const partial = context.run(kernel, expression.arrays, scalars, rows * parts * columns)
        return parts === 1 ? partial : context.reduce(element(partial), rows, parts, columns, by)
      },
    }

    /** What a later stage reads is a copy where it is a leaf's own array: the host may write there in between. */
    function keep(value: Value): void {
      const form = lowered.get(value)!
      if (!kept.has(value) || !('array' in form) || arrays[form.array]!.origin.kind !== 'leaf') return
      const { size } = arrays[form.array]!
      lowered.set(value, { array: context.run(elementwiseKernel(element(form.array)), [form.array], [], size) })
    }

    for (const value of order) {
      if (isLeaf(value)) lowered.set(value, { array: add(sizeOf(value.shape), { kind: 'leaf', leaf: value }) })
      else if (constantOf(value) === undefined) {
        lowered.set(value, lowerOne(value, context))
        const form = lowered.get(value)!
        // A formula is handed on to one user in the same stage, as long as a kernel can bind what it reads.
        if ('expression' in form && (users.get(value) !== 1 || form.expression.arrays.length >= MOST_ARRAYS - 1))
          context.array(value)
        keep(value)
      }
    }
    const deliveries = stages[s]!.map((output) => {
      const value = constantOf(output.value)
      const size = sizeOf(output.value.shape)
      return { output, size, from: value === undefined ? { array: context.array(output.value) } : { value } }
    })
    return { steps, leaves: [], deliveries }
  })
  return { arrays, stages: results.map((stage) => ({ ...stage, leaves: leavesOf(stage, arrays) })) }
}

function lowerOne(value: Value, context: Lowering): Lowered {
  const row = lowerings[value.operation.name]
  if (row === undefined)
    throw new ConfigurationError(
      `gpu: there is no kernel for the operation ${value.operation.name}; use the wasm or the reference backend`,
    )
  return row(value, context)
}

/**
 * How many parts of an axis are summed before the parts are.
 *
 * Beyond `LONGEST_SUM` terms there must be some; where whole rows are summed, more of them let neighbouring threads read
 * neighbouring elements.
 */
function partsOf(extent: number, columns: number): number {
  const needed = Math.ceil(extent / LONGEST_SUM)
  return columns < 32 && extent >= 256 ? Math.max(needed, 32) : needed
}

/** How often each value is used: by operations, by outputs, and by later stages, which count as many. */
function countUsers(
  stages: Graph['stages'],
  orders: readonly (readonly Value[])[],
  stageOf: ReadonlyMap<Value, number>,
): Map<Value, number> {
  const users = new Map<Value, number>()
  const use = (value: Value, times: number) => users.set(value, (users.get(value) ?? 0) + times)
  for (const [s, order] of orders.entries()) {
    for (const { inputs } of order) for (const input of inputs) use(input, stageOf.get(input) === s ? 1 : 2)
    for (const { value } of stages[s]!) use(value, 2)
  }
  return users
}

const leavesOf = (stage: Pick<Stage, 'steps' | 'deliveries'>, arrays: readonly DeviceArray[]): ArrayId[] => [
  ...new Set(usesOf(stage).filter((array) => arrays[array]!.origin.kind === 'leaf')),
]
