import { defineConfig } from 'vitest/config'

// The limits end what hangs; a machine that does other things beside is only slow.
const patience = 300_000

export default defineConfig({
  // vitest leaves a processor free; of two that is half. Nothing here asserts how long something takes.
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: patience,
    hookTimeout: patience,
  },
})
