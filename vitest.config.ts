import { defineConfig } from 'vitest/config'

// The limits end what hangs; a machine that does other things beside is only slow.
const patience = 300_000

export default defineConfig({
  test: { include: ['test/**/*.test.ts'], pool: 'forks', testTimeout: patience, hookTimeout: patience },
})
