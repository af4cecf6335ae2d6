/** A policy that asks its test at every step and never grows. */
export const fixed = (batchSize, test) => {
  const state = { batchSize, learningRateFactor: 1 }
  const level = test?.level ?? 'none'
  const next = (_, { statistics }) => ({
    state,
    batchSize,
    growth: 1,
    learningRateFactor: 1,
    test: test?.evaluate(statistics) ?? null,
  })
  const config = { name: 'fixed', batchSize }
  return {
    name: 'fixed',
    initial: batchSize,
    cap: batchSize,
    level,
    config,
    start: () => state,
    levelFor: () => level,
    next,
  }
}
