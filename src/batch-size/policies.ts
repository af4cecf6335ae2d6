import type { Family } from '../choice.ts'
import { adaptiveChoices } from './adaptive.ts'
import type { BatchPolicy } from './policy.ts'
import { scheduledChoices } from './scheduled.ts'

/** Every policy, as it can be chosen by name. */
export const policyFamily: Family<BatchPolicy> = {
  what: 'batch policy',
  flag: 'batch-policy',
  help: 'how the batch size changes',
  default: 'adaptive',
  choices: [...adaptiveChoices, ...scheduledChoices],
}
