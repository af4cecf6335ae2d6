import { choice, type Family, type Options } from '../../src/choice.ts'
import type { TrainTest } from '../../src/data/dataset.ts'
import { take } from '../../src/data/dataset.ts'
import { modelFamily } from '../../src/nn/models.ts'
import { problemFamily } from '../../src/problems/choices.ts'
import { classification } from '../../src/problems/objective.ts'
import type { Problem } from '../../src/problems/problem.ts'

/** What making a task needs: the digits, once they have arrived, and the seed of generated data. */
export interface TaskContext {
  readonly seed: number | string
  readonly digits?: TrainTest
}

/** Test digits that an evaluation looks at: enough for a curve, few enough not to slow the race. */
export const EVALUATED = 1000

const digitsShape = [1, 28, 28]

// Models that take a digit, and problems that can have two parameters: a new one of either kind appears by itself.
const networks = modelFamily.choices
  .filter(({ implies }) => implies?.pixels === undefined)
  .map((row) =>
    choice({
      ...row,
      make(values, { digits }: TaskContext): Problem {
        if (digits === undefined) throw new Error(`${row.name} needs the digits`)
        const model = row.make(values, { input: digitsShape, classes: 10 })
        return {
          name: row.name,
          objective: classification(model),
          train: digits.train,
          test: take(digits.test, EVALUATED),
        }
      },
    }),
  )

const landscapes = problemFamily.choices
  .filter(({ options }) => 'dimension' in options)
  .map((row) => {
    const { dimension: _, ...options } = row.options as Options
    return choice({
      ...row,
      options,
      make(values, { seed }: TaskContext): Problem {
        const problem = row.make({ ...values, dimension: 2 }, { seed })
        // The whole finite sum is small here, so an evaluation is of F itself.
        return { ...problem, test: problem.train }
      },
    })
  })

/** Everything the page can train. */
export const taskFamily: Family<Problem, TaskContext> = {
  what: 'problem',
  flag: 'problem',
  help: 'what is minimised',
  default: 'mnist-cnn',
  choices: [...networks, ...landscapes],
}

/** Whether a task learns the digits; the others are functions of two parameters. */
export const needsDigits = (name: string): boolean => networks.some((row) => row.name === name)
