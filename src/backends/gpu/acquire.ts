import { AdadagradError } from '../../errors.ts'
import { DeviceError } from './errors.ts'
import { type GpuContext, type GpuJs, inNode, WEBGPU_VERSION } from './gpujs.ts'

/** A WebGPU device with what is known of its adapter. */
export interface WebGpu {
  readonly context: GpuContext
  readonly adapter: string
  /** Computed by the processor: SwiftShader, llvmpipe, WARP. */
  readonly software: boolean
  /** Ends one user's use; the last one's destroys the device. */
  release(): Promise<void>
}

const softwareNames = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render|\bwarp\b/i
export const isSoftware = (adapter: string): boolean => softwareNames.test(adapter)

// Dawn's device lives as long as the object that made it; it is kept here, for the process has one device.
let dawn: GPU | undefined

/** `navigator.gpu`: the browser's own, or Dawn's in Node. */
async function webGpuApi(): Promise<GPU | undefined> {
  const existing = globalThis.navigator?.gpu
  if (existing !== undefined || !inNode) return existing
  if (dawn !== undefined) return dawn
  // Asked for by a name that bundlers cannot see: it is for Node alone.
  const name = 'webgpu'
  let module: { create(options: string[]): GPU }
  try {
    module = await import(name)
  } catch (cause) {
    const reason = (cause as Error).message.split('\n')[0]
    throw new AdadagradError(
      `gpu: Node has no WebGPU of its own, and the package webgpu (Dawn) could not be loaded: ${reason}; ` +
        `run \`npm install webgpu@${WEBGPU_VERSION}\` (see docs/gpu.md)`,
      { cause },
    )
  }
  dawn = module.create([])
  return dawn
}

/**
 * Calls `use` while `navigator.gpu` is there, which is where gpu.js looks for it. In Node that is only for the moment:
 * other libraries would take a process with a navigator for a browser.
 */
export async function withNavigator<T>(api: Pick<GPU, 'requestAdapter'>, use: () => T | Promise<T>): Promise<T> {
  if (globalThis.navigator?.gpu !== undefined) return use()
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: api }, configurable: true, writable: true })
  try {
    return await use()
  } finally {
    if (before === undefined) delete (globalThis as { navigator?: unknown }).navigator
    else Object.defineProperty(globalThis, 'navigator', before)
  }
}

/**
 * The WebGPU device that gpu.js uses, or why there is none.
 *
 * @throws AdadagradError in Node without the package `webgpu`
 */
export async function acquireWebGpu(gpujs: GpuJs): Promise<WebGpu | { readonly missing: string }> {
  const api = await webGpuApi()
  if (api === undefined) return { missing: 'this browser has no WebGPU' }
  const offered = await api.requestAdapter({ powerPreference: 'high-performance' })
  if (offered === null) {
    // A driver may be there the next time; Dawn looks for drivers once.
    dawn = undefined
    return { missing: noAdapter() }
  }
  const context = await withNavigator({ requestAdapter: async () => offered }, () => gpujs.WebGPUContext.acquire())
  const { info } = context.adapter
  const adapter =
    info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ') || 'unnamed adapter'
  users.set(context, (users.get(context) ?? 0) + 1)
  return {
    context,
    adapter,
    software: info.isFallbackAdapter === true || isSoftware(`${adapter} ${info.architecture}`),
    async release() {
      const others = users.get(context)! - 1
      users.set(context, others)
      if (others === 0 && !context.isLost) await gpujs.WebGPUContext.destroy()
    },
  }
}

/** Backends that use a device: gpu.js has one for all. */
const users = new WeakMap<GpuContext, number>()

const noAdapter = (): string =>
  inNode
    ? 'no graphics adapter was found; install the Vulkan driver of your graphics card (on Linux also libvulkan1), or for ' +
      'a software adapter point VK_ICD_FILENAMES at the vk_swiftshader_icd.json of a Chromium'
    : 'WebGPU is there, but no adapter; a headless Chromium needs --enable-unsafe-webgpu'

/** What went wrong on a device, once it did. */
export interface Health {
  /** Throws a `DeviceError` if the device was lost or refused a command. */
  check(): void
  /** The error that stands for a failed read-back. */
  failure(cause: unknown): DeviceError
}

/** Watches a device: WebGPU reports errors to whoever listens and carries on with zeros. */
export function watch({ device }: GpuContext, adapter: string): Health {
  let problem: string | undefined
  device.lost.then(({ reason, message }) => {
    problem ??= `the device ${adapter} was lost (${[reason, message.trim()].filter(Boolean).join(': ')})`
  })
  // gpu.js would only log it.
  device.onuncapturederror = ({ error }: GPUUncapturedErrorEvent) => {
    problem ??= `the device ${adapter} refused a command: ${error.message.trim().split('\n')[0]}`
  }
  const advice =
    'the last checkpoint stands; resume from it, with a smaller chunk size or another backend if this repeats'
  return {
    check() {
      if (problem !== undefined) throw new DeviceError(`gpu: ${problem}; ${advice}`)
    },
    failure(cause) {
      const what = problem ?? `the device ${adapter} did not answer (${(cause as Error).message})`
      return new DeviceError(`gpu: ${what}; ${advice}`, { cause })
    },
  }
}
