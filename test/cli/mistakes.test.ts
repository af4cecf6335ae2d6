import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { call, temporary } from './command.ts'

/** One line, no stack trace. */
async function mistake(...args: string[]): Promise<{ code: number | null; message: string }> {
  const { code, stdout, stderr } = await call(args)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^error: [^\n]+\n$/)
  return { code, message: stderr.slice('error: '.length, -1) }
}

describe.concurrent('mistakes on the command line', () => {
  const cases: [string, string[], number, string | RegExp][] = [
    ['a wrong command', ['trian'], 2, "unknown command 'trian', did you mean train?"],
    ['a wrong command of data', ['data', 'chek'], 2, "unknown command 'data chek', did you mean check?"],
    ['a data set for a command', ['data', 'mnist'], 2, "unknown command 'data mnist'; there are check and download"],
    [
      'a case that is none',
      ['verify', '--only', '3.2', '--path', 'garbage'],
      1,
      /^verify: --path garbage: not a path; expected what a failure of claim 3\.2 printed/,
    ],
    [
      'a check that is none',
      ['verify', '--only', '3.2', '--path', '99/1'],
      1,
      /^verify: --path 99\/1: there is no check 99 among 6/,
    ],
    [
      'a report where a file is',
      ['verify', '--only', '3.2', '--output', 'package.json'],
      1,
      "--output: package.json: cannot be the report's folder: a file is in the way",
    ],
    ['a wrong flag', ['train', '--epslon', '1'], 2, "unknown option '--epslon', did you mean --epsilon?"],
    ['a flag without its value', ['train', '--eta'], 2, "option '--eta <number>' argument missing"],
    [
      'a folder to replace that is not named',
      ['train', '--problem', 'quadratic', '--overwrite'],
      2,
      '--overwrite: there is no folder to replace; name one by --output',
    ],
    [
      'more samples than there is memory for',
      ['train', '--problem', 'quadratic', '--problem-size', '100000000000', '--steps', '1'],
      1,
      /^not enough memory for what was asked: /,
    ],
    ['η = 0', ['train', '--eta', '0'], 2, '--eta: expected a number above 0, got 0'],
    [
      'a word for a number',
      ['train', '--learning-rate', 'fast'],
      2,
      /^--learning-rate: expected a number .* got "fast"$/,
    ],
    [
      'a wrong name',
      ['train', '--optimizer', 'addam'],
      2,
      /^--optimizer: there is no optimiser "addam", did you mean adam\?/,
    ],
    [
      'a flag that does not apply',
      ['train', '--batch-policy', 'constant', '--eta', '0.1'],
      2,
      /^--eta: batch policy constant has no such option; it goes with --batch-policy adaptive --test norm/,
    ],
    [
      'a cap below the initial batch',
      ['train', '--batch-size', '64', '--max-batch-size', '8'],
      1,
      /max must be at least initial \(64\), got 8/,
    ],
    ['a missing data folder', ['train', '--data', 'mnist:/nowhere'], 1, /^\/nowhere\/train-images.*no such file/],
    [
      'data without their folder',
      ['train', '--data', 'mnist'],
      1,
      /^--data: mnist needs its folder .where the files are.: mnist:FOLDER; the default would be mnist in .* ADADAGRAD_DATA names$/,
    ],
    [
      'a model that does not fit',
      ['train', '--model', 'cifar-cnn'],
      1,
      /^--model: cifar-cnn takes images .* but digits has/,
    ],
    [
      'an empty folder',
      ['train', '--problem', 'quadratic', '--output', ''],
      2,
      '--output: expected a text that is not empty, got ""',
    ],
    ...[['start'], ['compare', 'x.yaml'], ['verify'], ['export', 'x', '--format', 'csv']].map(
      (args): [string, string[], number, RegExp] => [
        `an empty folder for ${args[0]}`,
        [...args, '--output', ''],
        2,
        /^option '--output <(folder|path)>' argument '' is invalid\. expected a path$/,
      ],
    ),
    [
      'an empty folder to resume',
      ['train', '--resume', ''],
      2,
      "option '--resume <folder>' argument '' is invalid. expected a path",
    ],
    ['a missing configuration', ['train', '--config', '/nowhere.json'], 1, '/nowhere.json: no such file'],
  ]
  for (const [name, args, code, message] of cases)
    it(name, async () => {
      const found = await mistake(...args)
      expect(found.code).toBe(code)
      if (typeof message === 'string') expect(found.message).toBe(message)
      else expect(found.message).toMatch(message)
    })

  it('an unknown key in a configuration file', async () => {
    const path = join(await temporary(), 'run.json')
    await writeFile(path, '{\n  "batchSize": { "test": { "etta": 0.1 } }\n}\n')
    expect(await mistake('train', '--config', path)).toEqual({
      code: 1,
      message: `${path}:2:28: batchSize.test.etta: unknown key, did you mean eta?`,
    })
  })

  it('a key that is there twice in a configuration file', async () => {
    const path = join(await temporary(), 'run.json')
    await writeFile(path, '{\n  "model": "logistic",\n  "model": "mnist-cnn"\n}\n')
    expect(await mistake('train', '--config', path)).toEqual({
      code: 1,
      message: `${path}:3:3: the key "model" is there twice`,
    })
  })

  // Where folders cannot be made, and the system does not say that one may not.
  it.runIf(existsSync('/proc/self'))('a folder where there are none', async () => {
    const run = ['train', '--problem', 'quadratic', '--steps', '1']
    expect((await mistake(...run, '--output', '/proc/x/y')).message).toBe(
      "/proc/x/y: cannot be made a run's folder: no folders can be made there (ENOENT)",
    )
    const { code, stderr } = await call(['start', '--samples', '8', '--output', '/proc/x'])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "error: /proc/x: cannot be made a run's folder: no folders can be made there (ENOENT)\n",
    })
    expect((await mistake('verify', '--only', '3.2', '--output', '/proc/x')).message).toBe(
      "--output: /proc/x: cannot be the report's folder: ENOENT",
    )
  })
})
