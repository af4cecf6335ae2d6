import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { packTar } from 'modern-tar'
import { afterEach, describe, expect, it } from 'vitest'
import { loadCifar10, loadMnist } from '../../src/data/files.ts'
import { checkDataset } from '../../src/data/obtain/check.ts'
import { downloadDataset } from '../../src/data/obtain/download.ts'
import { findDataset, knownDataset } from '../../src/data/obtain/find.ts'
import type { KnownDataset } from '../../src/data/obtain/known.ts'
import { call, temporary } from '../cli/command.ts'
import { type FileServer, fileServer, type Manner } from './file-server.ts'
import { cifarFile, idxFile } from './files.ts'

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')

// Pixels that do not compress, so that files can be cut.
let state = 1
const noise = Uint8Array.from({ length: 30 * 784 }, () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state >>> 24
})
const contents: Record<string, Uint8Array> = {
  'train-images-idx3-ubyte.gz': gzipSync(idxFile([30, 28, 28], noise)),
  'train-labels-idx1-ubyte.gz': gzipSync(idxFile([30], new Uint8Array(30))),
  't10k-images-idx3-ubyte.gz': gzipSync(idxFile([2, 28, 28], noise.subarray(0, 2 * 784))),
  't10k-labels-idx1-ubyte.gz': gzipSync(idxFile([2], new Uint8Array(2))),
}
const [first] = Object.keys(contents) as [string]

/** As MNIST, but small. */
const small = (): KnownDataset => ({
  ...knownDataset('mnist'),
  files: Object.entries(contents).map(([name, bytes]) => ({ name, bytes: bytes.length, md5: md5(bytes) })),
  load: loadMnist,
})

const servers: FileServer[] = []
const serve = async (manners?: readonly Manner[], files = contents) => {
  const server = await fileServer(files, manners)
  servers.push(server)
  return server
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const quick = { pause: 1 }
const download = (server: FileServer, folder: string, options: { readonly patience?: number } = {}) =>
  downloadDataset(small(), folder, { ...quick, ...options, from: server.address })
const firstRequests = ({ requests }: FileServer) =>
  requests.filter(({ path }) => path === first).map(({ from }) => from)

describe('downloads', () => {
  it('fetch each file once, and the result is right', async () => {
    const server = await serve()
    const folder = join(await temporary(), 'mnist')
    await download(server, folder)
    expect((await readdir(folder)).sort()).toEqual(Object.keys(contents).sort())
    expect(await checkDataset(small(), folder)).toMatchObject({ passed: true, samples: [30, 2] })
    await download(server, folder)
    expect(server.requests).toHaveLength(4)
  })

  it('go on where the connection was cut, again and again', async () => {
    const server = await serve([{ cutAfter: 5000 }, { cutAfter: 3000 }, { status: 503 }, { cutAfter: 1 }, {}])
    const folder = await temporary()
    await download(server, folder)
    expect(firstRequests(server)).toEqual([0, 5000, 8000, 8000, 8001])
    expect(await readFile(join(folder, first))).toEqual(Buffer.from(contents[first]!))
    expect(await readdir(folder)).toHaveLength(4)
  })

  it('go on when nothing comes any more, or when the end comes too early', async () => {
    const server = await serve([{ silentAfter: 4000 }, { cutAfter: 100, withoutLength: true }, {}])
    const folder = await temporary()
    // Longer than this process may be held up: then the server would be silent where it need not be.
    await download(server, folder, { patience: 3000 })
    expect(firstRequests(server)).toEqual([0, 4000, 4100])
    expect(await readFile(join(folder, first))).toEqual(Buffer.from(contents[first]!))
  })

  it('start again with a server that does not know ranges', async () => {
    const server = await serve([{ cutAfter: 5000 }, { ignoreRange: true }])
    const folder = await temporary()
    await download(server, folder)
    expect(firstRequests(server)).toEqual([0, 5000])
    expect(await readFile(join(folder, first))).toEqual(Buffer.from(contents[first]!))
  })

  it('keep what came when they fail, under a name that says so, and go on the next time', async () => {
    const failing = await serve([{ cutAfter: 5000 }, { status: 500 }])
    const folder = await temporary()
    await expect(download(failing, folder)).rejects.toThrow(/^train-images.* answers 500 .*; what came is kept/)
    expect(await readdir(folder)).toEqual([`${first}.part`])
    const server = await serve()
    await download(server, folder)
    expect(firstRequests(server)).toEqual([5000])
    expect(await checkDataset(small(), folder)).toMatchObject({ passed: true })
  })

  it('leave nothing behind of wrong bytes', async () => {
    const wrong = Uint8Array.from(contents[first]!)
    wrong[9000]! ^= 1
    const server = await serve([{ instead: wrong }])
    const folder = await temporary()
    await expect(download(server, folder)).rejects.toThrow(
      new RegExp(`not the published file: ${wrong.length} bytes with MD5 ${md5(wrong)}, expected .*; removed$`),
    )
    expect(await readdir(folder)).toEqual([])
    // An error page in place of a file.
    const page = await serve([{ instead: new TextEncoder().encode('<html>') }, { status: 404 }])
    await expect(download(page, folder)).rejects.toThrow('404')
    expect((await readdir(folder)).filter((name) => !name.endsWith('.part'))).toEqual([])
  })

  it('notice when the part that was there is of another file, and start again', async () => {
    for (const size of [100, contents[first]!.length, 10 * contents[first]!.length]) {
      const folder = await temporary()
      await writeFile(join(folder, `${first}.part`), new Uint8Array(size))
      await download(await serve(), folder)
      expect(await checkDataset(small(), folder)).toMatchObject({ passed: true })
    }
  })

  it('try the next place, also for wrong bytes', async () => {
    const [missing, wrong, right] = [
      await serve([{ status: 404 }]),
      await serve([{ instead: new Uint8Array(contents[first]!.length) }]),
      await serve(),
    ]
    const folder = await temporary()
    const places = [missing, wrong, right].map(({ address }) => address)
    await downloadDataset({ ...small(), places }, folder, quick)
    expect(await checkDataset(small(), folder)).toMatchObject({ passed: true })
  })

  it('do not overwrite what has the name of a file and is not it', async () => {
    const folder = await temporary()
    await writeFile(join(folder, first), 'mine')
    await expect(download(await serve(), folder)).rejects.toThrow('move it away first')
    expect(await readFile(join(folder, first), 'utf8')).toBe('mine')
  })

  it.skipIf(process.platform !== 'linux')('say so when the disk is full', async () => {
    const folder = await temporary()
    await symlink('/dev/full', join(folder, `${first}.part`))
    await expect(download(await serve(), folder)).rejects.toThrow(/train-images.*part: cannot be written .ENOSPC.$/)
  })

  it('unpack archives, and check what they unpacked', async () => {
    const inner = 'cifar-10-batches-bin'
    const batch = cifarFile([[0], [9], [3]])
    const { archive } = knownDataset('cifar10')
    const members = archive!.members.map(({ name }) => ({ name, bytes: batch.length }))
    const tar = await packTar([
      { header: { name: `${inner}/`, type: 'directory', size: 0 } },
      { header: { name: `${inner}/readme.html`, size: 4 }, body: 'text' },
      ...members.map(({ name, bytes }) => ({ header: { name: `${inner}/${name}`, size: bytes }, body: batch })),
    ])
    const packed = gzipSync(tar)
    const name = 'cifar-10-binary.tar.gz'
    const dataset: KnownDataset = {
      ...knownDataset('cifar10'),
      files: [{ name, bytes: packed.length, md5: md5(packed) }],
      archive: { folder: inner, members },
      load: (folder) => loadCifar10(folder, { recordsPerFile: 3 }),
    }
    const server = await serve([{ cutAfter: 500 }, {}], { [name]: packed })
    const folder = await temporary()
    const options = { ...quick, from: server.address }
    await downloadDataset(dataset, folder, options)
    expect(await readdir(folder)).toEqual([inner])
    expect((await readdir(join(folder, inner))).sort()).toEqual(['SHA256SUMS', ...members.map((m) => m.name)].sort())
    const checked = await checkDataset(dataset, folder)
    expect(checked).toMatchObject({ passed: true, samples: [15, 3] })
    expect(checked.files.every(({ verdict }) => verdict === 'right')).toBe(true)
    await downloadDataset(dataset, folder, options)
    expect(server.requests).toHaveLength(2)

    const damaged = batch.slice()
    damaged[1000]! ^= 1
    await writeFile(join(folder, inner, 'test_batch.bin'), damaged)
    expect((await checkDataset(dataset, folder)).files.at(-1)).toMatchObject({ verdict: 'wrong' })
  })
})

describe('checks', () => {
  it('tell wrong, missing and unpacked files apart', async () => {
    const folder = await temporary()
    await mkdir(join(folder, 'MNIST/raw'), { recursive: true })
    expect(findDataset(small(), folder)).toBeUndefined()
    for (const [name, bytes] of Object.entries(contents)) await writeFile(join(folder, 'MNIST/raw', name), bytes)
    const found = findDataset(small(), folder)!
    expect(found).toBe(join(folder, 'MNIST/raw'))
    expect(await checkDataset(small(), found)).toMatchObject({ passed: true })
    await writeFile(join(found, first), gzipSync(idxFile([30, 28, 28], noise), { level: 1 }))
    expect(await checkDataset(small(), found)).toMatchObject({
      passed: false,
      samples: [30, 2],
      files: [{ name: first, verdict: 'wrong', why: expect.stringContaining('is published') }, {}, {}, {}],
    })
    await writeFile(join(found, first), contents[first]!.subarray(0, 4000))
    expect(await checkDataset(small(), found)).toMatchObject({ passed: false, error: expect.stringContaining('gzip') })
    const other = await temporary()
    await writeFile(join(other, 'train-images-idx3-ubyte'), idxFile([30, 28, 28], noise))
    expect((await checkDataset(small(), other)).files.map(({ verdict }) => verdict)).toEqual([
      'no checksum',
      'missing',
      'missing',
      'missing',
    ])
  })
})

describe('adadagrad data', () => {
  it('says what is known and where it is', async () => {
    const { code, stdout } = await call(['data', '--json'])
    expect(code).toBe(0)
    const names = JSON.parse(stdout).map(({ name }: { name: string }) => name)
    expect(names).toEqual(['digits', 'mnist', 'fashion-mnist', 'cifar10', 'cifar100'])
    const digits = await call(['data', 'check', 'digits'])
    expect(digits).toMatchObject({ code: 0, stdout: expect.stringContaining('8,000 samples to train on') })
  })

  it('says in one line that there is no network', async () => {
    const folder = await temporary()
    const closed = await fileServer({})
    await closed.close()
    const { code, stderr } = await call(['data', 'download', 'mnist', folder, '--from', closed.address])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^error: train-images-idx3-ubyte.gz could not be fetched: 127.0.0.1:\d+: cannot be reached.*\n$/,
    )
    expect(await readdir(folder)).toEqual([])
  })

  it('leaves no file that looks whole when it is killed, and goes on afterwards', async () => {
    const folder = await temporary()
    const bytes = new Uint8Array(200_000)
    const server = await serve([{ silentAfter: bytes.length }], { [first]: new Uint8Array(9_912_422) })
    const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
    const args = [cli, 'data', 'download', 'mnist', folder, '--from', server.address]
    const child = spawn(process.execPath, args, { stdio: 'ignore' })
    const part = join(folder, `${first}.part`)
    const arrived = async () => (await stat(part).catch(() => undefined))?.size === bytes.length
    const ended = new Promise((resolve) => child.on('close', resolve))
    while (!(await arrived())) await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill('SIGKILL')
    await ended
    expect(await readdir(folder)).toEqual([`${first}.part`])
    const later = await serve([{ status: 404 }])
    await expect(downloadDataset(knownDataset('mnist'), folder, { from: later.address })).rejects.toThrow('404')
    expect(firstRequests(later)).toEqual([bytes.length])
  })
})
