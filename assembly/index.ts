// Everything the host may call. Pointers are byte addresses, 16-byte aligned; extents are i32; nothing allocates.
export { relaxed } from './fma'
