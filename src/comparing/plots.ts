// The plots of a comparison as Vega-Lite specifications: plain data.
import type { TopLevelSpec } from 'vega-lite'
import { curve, evaluations, type LinePoint, lines, type Progress } from './curves.ts'
import { type Axis, config, lineSpec, quantitative, rangeOf, spans } from './line-plot.ts'
import type { RunResult } from './results.ts'

/** A plot: the name of its files, what it shows, and its specification. */
export interface Plot {
  readonly name: string
  readonly caption: string
  readonly spec: TopLevelSpec
}

const axisTitles: Record<Progress, string> = {
  samples: 'samples processed',
  steps: 'steps',
  seconds: 'training time (s)',
}
const bands = 'Lines are means over seeds, bands their 95 % confidence intervals (Student’s t, from three seeds on).'

/** All plots that a comparison's records can fill. */
export function plotsOf(schemes: readonly string[], results: readonly RunResult[]): Plot[] {
  const plots: Plot[] = []
  const add = (name: string, caption: string, points: readonly LinePoint[], x: Axis, y: Axis) => {
    if (points.length > 0) plots.push({ name, caption, spec: lineSpec(schemes, points, x, y) })
  }
  const axes = ['samples', 'steps', 'seconds'] as const
  const progressAxis = (progress: Progress): Axis => ({
    title: axisTitles[progress],
    logarithmic: progress === 'steps',
  })

  const losses = results.flatMap((result) => result.curve.map(({ loss }) => loss))
  const logarithmicLoss = spans(losses, 8)
  for (const progress of axes) {
    const options = { logarithmicX: progress === 'steps', logarithmicY: logarithmicLoss }
    add(
      `loss-${progress}`,
      `Training loss, as a running mean over about 1,000 samples, against ${axisTitles[progress]}. ${bands}`,
      lines(
        schemes,
        results,
        curve(progress, ({ loss }) => loss),
        options,
      ),
      progressAxis(progress),
      { title: 'training loss (running mean)', logarithmic: logarithmicLoss },
    )
  }
  const accuracies = results.some((result) => result.evaluations.some(({ accuracy }) => accuracy !== undefined))
  for (const progress of axes)
    add(
      `${accuracies ? 'accuracy' : 'test-loss'}-${progress}`,
      `${accuracies ? 'Test accuracy' : 'Test loss'} against ${axisTitles[progress]}. ${bands}`,
      lines(
        schemes,
        results,
        evaluations(progress, ({ testLoss, accuracy }) => (accuracies ? 100 * (accuracy ?? Number.NaN) : testLoss)),
        { logarithmicX: progress === 'steps' },
      ),
      progressAxis(progress),
      accuracies
        ? { title: 'test accuracy (%)', logarithmic: false, within: [0, 100] }
        : { title: 'test loss', logarithmic: false },
    )
  add(
    'batch-size',
    `Batch size against samples processed. Lines are geometric means over seeds, bands 95 % confidence intervals on the logarithm.`,
    lines(
      schemes,
      results,
      curve('samples', ({ batchSize }) => batchSize),
      { logarithmicY: true, steps: true },
    ),
    progressAxis('samples'),
    { title: 'batch size b (samples)', logarithmic: true },
  )
  for (const progress of ['samples', 'steps'] as const)
    add(
      `gradient-norm-${progress}`,
      `Norm of the batch gradient, its noise included, against ${axisTitles[progress]}. Lines are geometric means over steps and seeds, bands 95 % confidence intervals on the logarithm.`,
      lines(
        schemes,
        results,
        curve(progress, ({ gradientNorm }) => gradientNorm),
        { logarithmicX: true, logarithmicY: true },
      ),
      { title: axisTitles[progress], logarithmic: true },
      { title: 'gradient norm ‖ḡ‖', logarithmic: true },
    )
  const rates = results.flatMap((result) => result.curve.map(({ learningRate }) => learningRate))
  const logarithmicRate = spans(rates, 3)
  add(
    'learning-rate',
    `Learning rate against samples processed. ${bands}`,
    lines(
      schemes,
      results,
      curve('samples', ({ learningRate }) => learningRate),
      { steps: true },
    ),
    progressAxis('samples'),
    { title: 'learning rate α', logarithmic: logarithmicRate },
  )
  const tests = testPlot(schemes, results)
  return tests ? [...plots, tests] : plots
}

/** Both sides of each scheme's test, in panels. */
function testPlot(schemes: readonly string[], results: readonly RunResult[]): Plot | undefined {
  const sides = [
    { side: 'statistic, variance / b', value: 'statistic' },
    { side: 'threshold', value: 'threshold' },
  ] as const
  const values = sides.flatMap(({ side, value }) =>
    lines(schemes, results, ({ tests }) => tests.map((test) => [test.samples, test[value]] as const), {
      logarithmicY: true,
    }).map((point) => ({ ...point, side })),
  )
  const shown = schemes.filter((scheme) => values.some((point) => point.scheme === scheme))
  if (shown.length === 0) return undefined
  const [width, height] = shown.length === 1 ? [440, 270] : [240, 180]
  const domain = sides.map(({ side }) => side)
  const legend = { title: null, orient: 'bottom', symbolSize: 600, symbolStrokeWidth: 1.6, labelLimit: 400 } as const
  const panel = (scheme: string) => {
    const own = values.filter((point) => point.scheme === scheme)
    const axis = (title: string, logarithmic: boolean, range: [number, number]) => {
      const made = quantitative({ title, logarithmic }, range)
      return { ...made, axis: { ...made.axis, tickCount: 4 } }
    }
    const [low, high] = rangeOf(own.map(({ mean }) => mean))
    const last = rangeOf(own.map(({ x }) => x))[1]
    return {
      title: { text: scheme, fontSize: 12 },
      width,
      height,
      data: { values: own },
      mark: { type: 'line', strokeWidth: 1.5 },
      encoding: {
        x: { field: 'x', ...axis(axisTitles.samples, false, [0, last]) },
        y: { field: 'mean', ...axis('both sides of the test', true, [low / 1.2, high * 1.2]) },
        color: { field: 'side', type: 'nominal', scale: { domain, range: ['#0072b2', '#000000'] }, legend },
        strokeDash: {
          field: 'side',
          type: 'nominal',
          scale: {
            domain,
            range: [
              [1, 0],
              [5, 3],
            ],
          },
          legend,
        },
      },
    }
  }
  return {
    name: 'test',
    caption:
      'The two sides of each batch-size test against samples processed: the batch grows where the statistic is above the ' +
      'threshold. Geometric means over steps and seeds; the test is not evaluated at the cap.',
    spec: {
      background: 'white',
      padding: 8,
      config,
      columns: Math.min(3, shown.length),
      concat: shown.map(panel),
      resolve: { scale: { x: 'independent', y: 'independent' } },
    } as unknown as TopLevelSpec,
  }
}
