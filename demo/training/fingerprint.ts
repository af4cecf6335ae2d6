import type { TrainingRecord } from '../../src/training/run.ts'

/**
 * A running 64-bit FNV-1a over bytes, as two halves with different primes: not for secrets, but two runs that differ in
 * one bit have different ones.
 */
export function fingerprint() {
  let [high, low] = [0x811c9dc5, 0xcbf29ce4]
  return {
    add(bytes: Uint8Array) {
      for (let i = 0; i < bytes.length; i++) {
        high = Math.imul(high ^ bytes[i]!, 0x01000193)
        low = Math.imul(low ^ bytes[i]!, 0x01000197)
      }
    },
    value: () => [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join(''),
  }
}

/** The bytes of what a record says that does not depend on the clock. */
export function bytesOf({ step, samples, batchSize, learningRate, loss, gradientNorm, test }: TrainingRecord) {
  const numbers = [step, samples, batchSize, learningRate, loss, gradientNorm]
  const judged = test ? [test.statistic ?? Number.NaN, test.threshold ?? Number.NaN, test.suggestedBatchSize] : []
  return new Uint8Array(Float64Array.from([...numbers, ...judged]).buffer)
}

export function fingerprintOf(array: Float32Array | Float64Array): string {
  const print = fingerprint()
  print.add(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  return print.value()
}
