export * from './derived.ts'
export * from './gradient-statistics.ts'
export * from './neighbours.ts'
export * from './official.ts'
