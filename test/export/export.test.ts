import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { exportFormats, exportRuns } from '../../src/export/export-runs.ts'
import { crc32c, tfrecord } from '../../src/export/tfrecord.ts'
import { call, temporary } from '../cli/command.ts'
import { readEvents } from './read-events.ts'

const test = {
  name: 'augmented',
  verdict: 'failed',
  statistic: 0.1,
  threshold: 1e-30,
  passed: false,
  suggestedBatchSize: 17.5,
  components: [
    { name: 'inner-product', statistic: 0.1, passed: false },
    { name: 'orthogonality', statistic: 0.25, passed: true },
  ],
}
const records = [
  { step: 1, samples: 1, batchSize: 1, loss: 2.25, test: null, seconds: 0.5 },
  { step: 2, samples: 9, batchSize: 8, loss: 1 / 3, test, seconds: 0.75, note: 'a "quoted", one\n' },
  // More than float32 and int32 can tell apart.
  { step: 3, samples: 2 ** 40 + 1, batchSize: 8, loss: -1e-9, test: null, seconds: 1, evaluation: { accuracy: 0.5 } },
]

async function runFolder(name = 'first', tail = ''): Promise<string> {
  const folder = join(await temporary(), name)
  await mkdir(folder)
  await writeFile(join(folder, 'records.jsonl'), records.map((r) => `${JSON.stringify(r)}\n`).join('') + tail)
  return folder
}

describe('records for other tools', () => {
  it('as CSV: every value once, with all digits, under a dotted name', async () => {
    const folder = await runFolder()
    const [written] = await exportRuns([folder], { format: 'csv' })
    expect(written).toEqual({ path: join(folder, 'records.csv'), runs: 1, records: 3 })
    expect(await readFile(written!.path, 'utf8')).toBe(
      [
        'run,step,samples,batchSize,loss,seconds,test.name,test.verdict,test.statistic,test.threshold,test.passed,' +
          'test.suggestedBatchSize,evaluation.accuracy,test.components.inner-product.name,' +
          'test.components.inner-product.statistic,test.components.inner-product.passed,' +
          'test.components.orthogonality.name,test.components.orthogonality.statistic,' +
          'test.components.orthogonality.passed,note',
        'first,1,1,1,2.25,0.5,,,,,,,,,,,,,,',
        'first,2,9,8,0.3333333333333333,0.75,augmented,failed,0.1,1e-30,false,17.5,,inner-product,0.1,false,' +
          'orthogonality,0.25,true,"a ""quoted"", one',
        '"',
        'first,3,1099511627777,8,-1e-9,1,,,,,,,0.5,,,,,,,',
        '',
      ].join('\n'),
    )
  })

  it('as Parquet: hyparquet reads the same values and types back, and what they mean', async () => {
    const folder = await runFolder()
    const output = join(folder, 'a.parquet')
    await exportRuns([folder], { format: 'parquet', output })
    const file = (await readFile(output)).buffer.slice(0) as ArrayBuffer
    const rows = await parquetReadObjects({ file })
    expect(rows.map(({ step, samples, loss }) => ({ step, samples, loss }))).toEqual(
      records.map(({ step, samples, loss }) => ({ step: BigInt(step), samples: BigInt(samples), loss })),
    )
    expect(rows[0]).toMatchObject({ run: 'first', 'test.passed': null, 'test.name': null, 'evaluation.accuracy': null })
    expect(rows[1]).toMatchObject({
      'test.passed': false,
      'test.threshold': 1e-30,
      'test.components.orthogonality.statistic': 0.25,
      note: records[1]!.note,
    })
    const { schema, key_value_metadata } = parquetMetadata(file)
    expect(schema.find(({ name }) => name === 'samples')).toMatchObject({ type: 'INT64' })
    expect(schema.find(({ name }) => name === 'loss')).toMatchObject({ type: 'DOUBLE' })
    expect(key_value_metadata).toContainEqual({
      key: 'column:samples',
      value: expect.stringMatching(/^training samples/),
    })
  })

  it('as TensorBoard events, whose checksums hold', async () => {
    const folder = await runFolder()
    const [{ path } = { path: '' }] = await exportRuns([folder], { format: 'tensorboard' })
    expect(path).toBe(join(folder, 'tensorboard', 'events.out.tfevents.0.adadagrad'))
    const bytes = await readFile(path)
    // So begin the files that TensorFlow writes.
    expect(bytes.subarray(0, 13).toString('hex')).toBe('1800000000000000a37f4b2209')
    const [head, ...events] = readEvents(bytes)
    expect(head).toMatchObject({ fileVersion: 'brain.Event:2' })
    expect(events.map(({ step }) => step)).toEqual([1, 2, 3])
    expect(events[1]!.wallTime - head!.wallTime).toBeCloseTo(0.75, 6)
    expect(events[1]!.scalars).toEqual({
      samples: 9,
      batchSize: 8,
      loss: Math.fround(1 / 3),
      'test/statistic': Math.fround(0.1),
      'test/threshold': Math.fround(1e-30),
      'test/passed': 0,
      'test/suggestedBatchSize': 17.5,
      'test/components/inner-product/statistic': Math.fround(0.1),
      'test/components/inner-product/passed': 0,
      'test/components/orthogonality/statistic': 0.25,
      'test/components/orthogonality/passed': 1,
    })

    await exportRuns([folder], { format: 'tensorboard', axis: 'samples' })
    expect(await readdir(join(folder, 'tensorboard'))).toHaveLength(1)
    const bySamples = readEvents(await readFile(path)).slice(1)
    expect(bySamples.map(({ step }) => step)).toEqual([1, 9, 2 ** 40 + 1])
    expect(bySamples[0]!.scalars).toEqual({ batchSize: 1, loss: 2.25 })
  })

  it('has the checksum of RFC 3720, and notices a changed bit', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    const record = tfrecord(Uint8Array.from([9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]))
    record[15]! ^= 4
    expect(() => readEvents(record)).toThrow('checksum')
  })

  it('makes one table of several runs, and leaves out a torn last line', async () => {
    const around = await temporary()
    for (const [name, tail] of [
      ['b', '{"step": 4, "sam'],
      ['a/seed-1', ''],
    ] as const) {
      await mkdir(join(around, name), { recursive: true })
      await writeFile(join(around, name, 'records.jsonl'), `{"step":1,"loss":3}\n${tail}`)
    }
    await exportRuns([around], { format: 'csv' })
    expect(await readFile(join(around, 'records.csv'), 'utf8')).toBe('run,step,loss\na/seed-1,1,3\nb,1,3\n')
    const events = await exportRuns([around], { format: 'tensorboard', output: join(around, 'tb') })
    expect(events.map(({ path }) => path)).toEqual(
      ['a/seed-1', 'b'].map((name) => join(around, 'tb', name, 'events.out.tfevents.0.adadagrad')),
    )
  })

  it('refuses what is no run, and lines that are no records, by name', async () => {
    const folder = await runFolder()
    await expect(exportRuns(['/nowhere'], { format: 'csv' })).rejects.toThrow('/nowhere: no such folder')
    await expect(exportRuns([await temporary()], { format: 'csv' })).rejects.toThrow('there is no records.jsonl')
    await expect(exportRuns([folder, folder], { format: 'csv', output: 'x' })).rejects.toThrow(
      'both runs are called first',
    )
    await expect(exportRuns([folder, await runFolder('second')], { format: 'csv' })).rejects.toThrow('--output')
    await writeFile(join(folder, 'records.jsonl'), '{"step":1}\n{"step":\n{"step":3}\n')
    await expect(exportRuns([folder], { format: 'csv' })).rejects.toThrow(/records.jsonl:2: not a record/)
    expect(await readdir(folder)).toEqual(['records.jsonl'])
  })

  it('refuses counts that are none in every format, by line and name', async () => {
    const folder = await runFolder()
    const wrong: [string, string][] = [
      ['"samples":"x"', 'samples must be a whole number of at least 0, got "x"'],
      ['"samples":1.5', 'samples must be a whole number of at least 0, got 1.5'],
      ['"batchSize":null', 'batchSize must be a whole number of at least 0, got null'],
      ['"seconds":"soon"', 'seconds must be a finite number, got "soon"'],
    ]
    for (const [field, message] of wrong) {
      await writeFile(join(folder, 'records.jsonl'), `{"step":1,"samples":8}\n{"step":2,${field}}\n`)
      for (const format of exportFormats)
        await expect(exportRuns([folder], { format })).rejects.toThrow(`records.jsonl:2: ${message}`)
    }
  })

  it('is a command', async () => {
    const folder = await runFolder()
    const { code, stdout, stderr } = await call(['export', folder, '--format', 'parquet'])
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `${join(folder, 'records.parquet')}: 3 records\n`,
      stderr: '',
    })
    const refused = await call(['export', folder, '--format', 'csv', '--axis', 'samples'])
    expect(refused).toMatchObject({ code: 2, stderr: 'error: --axis belongs to --format tensorboard, not to csv\n' })
  })
})
