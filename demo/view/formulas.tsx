import { useEffect, useRef, useState } from 'preact/hooks'
import { policyFamily } from '../../src/batch-size/policies.ts'
import { testFamily } from '../../src/batch-size/tests.ts'
import { nextBatchSize } from '../../src/batch-size/update.ts'
import { optimizerFamily } from '../../src/optim/optimizers.ts'
import { thousands } from '../drawing/canvas.ts'
import { makeScheme } from '../experiment/build.ts'
import { rowOf } from '../experiment/choose.ts'
import { texNumber, texOf, texWithNumbers } from '../experiment/formula.ts'
import { testOf } from './plane.tsx'
import { nameOf } from './schemes.tsx'
import type { Demo } from './store.ts'

type Katex = typeof import('katex')['default']

/** Milliseconds between two typesettings of the same formula: numbers that can be read. */
const TYPESET_EVERY = 250

/** The formulas of the scheme in focus, with the numbers of its last judged step. */
export function Formulas({ demo }: { demo: Demo }) {
  const [katex, setKatex] = useState<Katex>()
  // The typesetter is large, and nothing waits for it: it comes after the first paint.
  useEffect(() => {
    import('katex').then((module) => setKatex(() => module.default))
  }, [])
  const { state, race } = demo
  const { focus } = state.view
  const scheme = state.experiment.schemes[focus]!
  const racer = race?.racers[focus]
  const judged = racer?.judged
  const test = testOf(scheme)
  const result = judged?.test
  const components = result?.components ?? (result ? [result] : [])
  const formulas = test ? (rowOf(testFamily, test.name).formula?.split(' and ') ?? []) : []
  const policy = rowOf(policyFamily, scheme.batchSize.name)
  const optimizer = rowOf(optimizerFamily, scheme.optimizer.name)
  const rate = racer?.last?.learningRate

  return (
    <section class="card formulas" aria-label="Formulas">
      <header>
        <h2>What {nameOf(scheme)} computes</h2>
        <span class="unit">
          {judged ? `numbers of step ${thousands(judged.step)}` : 'with the numbers of the last step'}
        </span>
      </header>
      <div class="formula-list">
        {formulas.map((formula, k) => (
          <Formula
            key={formula}
            katex={katex}
            what={k === 0 ? 'The test asks' : 'and'}
            tex={texWithNumbers(formula, components[k]?.statistic ?? null, components[k]?.threshold ?? null)}
          />
        ))}
        {test && result && (
          <Formula
            katex={katex}
            what="so it suggests"
            tex={lines(
              `T = ${texNumber(result.suggestedBatchSize)}`,
              `${texOf(policy.formula ?? '')} = ${nextOf(demo, judged.batchSize, result.suggestedBatchSize)}`,
            )}
          />
        )}
        {!test && policy.formula && (
          <Formula
            katex={katex}
            what="The batch"
            tex={lines(texOf(policy.formula), ...(racer?.last ? [`b = ${racer.last.batchSize}`] : []))}
          />
        )}
        {optimizer.formula && (
          <Formula
            katex={katex}
            what="The step"
            tex={lines(
              ...optimizer.formula.split(';').map((part) => texOf(part.trim())),
              ...(rate === undefined ? [] : [`\\alpha = ${texNumber(rate)}`]),
            )}
          />
        )}
      </div>
    </section>
  )
}

const lines = (...each: readonly string[]) => `\\begin{array}{l}${each.join('\\\\[3pt]')}\\end{array}`

/** The batch size that the policy in focus makes of T. */
function nextOf({ state: { experiment, view } }: Demo, current: number, suggestion: number): number {
  const { max, maxGrowth, hysteresis } = makeScheme(experiment, experiment.schemes[view.focus]!).policy.config
  return nextBatchSize(current, suggestion, {
    cap: max as number,
    maxGrowth: (maxGrowth as number | null) ?? Number.POSITIVE_INFINITY,
    hysteresis: hysteresis as number,
  })
}

function Formula({ katex, what, tex }: { katex: Katex | undefined; what: string; tex: string }) {
  const host = useRef<HTMLDivElement>(null)
  const typeset = useRef({ tex: '', at: 0 })
  useEffect(() => {
    const now = performance.now()
    if (!katex || !host.current || typeset.current.tex === tex) return
    const wait = Math.max(0, typeset.current.at + TYPESET_EVERY - now)
    const timer = setTimeout(() => {
      if (!host.current) return
      typeset.current = { tex, at: performance.now() }
      katex.render(tex, host.current, { throwOnError: false, displayMode: true })
    }, wait)
    return () => clearTimeout(timer)
  }, [katex, tex])
  return (
    <div class="formula">
      <span class="what">{what}</span>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a formula that is wider than the screen scrolls by keyboard */}
      <div class="tex" ref={host} tabIndex={0} />
    </div>
  )
}
