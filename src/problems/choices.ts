import type { Family } from '../choice.ts'
import type { Problem, ProblemContext } from './problem.ts'
import { quadraticChoice } from './quadratic.ts'
import { leastSquaresChoice, logisticRegressionChoice, nonconvexChoice } from './regression.ts'
import { rosenbrockChoice } from './rosenbrock.ts'

/** Every synthetic problem, as it can be chosen by name. */
export const problemFamily: Family<Problem, ProblemContext> = {
  what: 'problem',
  flag: 'problem',
  help: 'a synthetic problem, in place of a model and its data',
  default: 'quadratic',
  choices: [quadraticChoice, rosenbrockChoice, leastSquaresChoice, logisticRegressionChoice, nonconvexChoice],
}
