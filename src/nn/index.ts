export * from './layers.ts'
export * from './parameters.ts'
