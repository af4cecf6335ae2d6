import { useEffect, useRef } from 'preact/hooks'
import { short } from '../drawing/canvas.ts'
import { type GradientPicture, gradientPicture } from '../drawing/gradients.ts'
import { landscape } from '../drawing/landscape.ts'
import { demandOf, type NamedTest, PICTURED, type Region } from '../drawing/regions.ts'
import type { Scheme } from '../experiment/experiment.ts'
import type { Demo } from './store.ts'

/** The test of a scheme that has one. */
export function testOf({ batchSize }: Scheme): NamedTest | undefined {
  if (batchSize.name !== 'adaptive') return undefined
  return (batchSize.test as NamedTest | undefined) ?? { name: 'norm' }
}

/** The landscape with everyone's way. */
export function LandscapePanel({ demo }: { demo: Demo }) {
  const host = useRef<HTMLDivElement>(null)
  const { race, state } = demo
  const { focus } = state.view
  useEffect(() => {
    const view = landscape(host.current!)
    let ground: unknown
    const stop = demo.onFrame(() => {
      if (!race) return
      if (race.landscape && ground !== race.landscape) {
        ground = race.landscape
        view.ground(race.landscape)
      }
      const cloud = race.racers[focus]?.cloud
      view.update(
        race.racers.map(({ path }, colour) => ({ points: path.points, colour })),
        cloud && { ...cloud, colour: focus },
      )
    })
    return () => {
      stop()
      view.destroy()
    }
  }, [race, focus, demo.onFrame])
  return (
    <section class="card chart hero" aria-label="Landscape">
      <header>
        <h2>The landscape F(x)</h2>
        <span class="unit">lines of equal height; arrows lead downhill, one for each sample of the batch</span>
      </header>
      <div class="plot landscape" ref={host} />
    </section>
  )
}

/** The test as a picture: does the mean's uncertainty fit what the test demands? */
export function GradientPanel({ demo }: { demo: Demo }) {
  const host = useRef<HTMLDivElement>(null)
  const { race, state } = demo
  const { focus } = state.view
  const scheme = state.experiment.schemes[focus]!
  const test = testOf(scheme)
  const view = useRef<GradientPicture | undefined>(undefined)
  useEffect(() => {
    const made = gradientPicture(host.current!)
    view.current = made
    return made.destroy
  }, [])
  // Drawn with the sentence beneath it, so that both are of the same batch.
  const cloud = race?.racers[focus]?.cloud
  useEffect(() => {
    if (cloud) view.current?.update(cloud, test, focus)
  }, [cloud, test, focus])

  const demand = cloud && test && demandOf(test, cloud)
  return (
    <section class="card chart side" aria-label="Gradients of the batch">
      <header>
        <h2>Where the samples pull</h2>
        <span class="unit">−gᵢ of the batch; the thick arrow is their mean, −ḡ</span>
      </header>
      <div class="plot square" ref={host} />
      <p class={`verdict ${demand ? (demand.passed ? 'passes' : 'fails') : ''}`}>
        {demand ? (
          <>
            <span class="key filled" /> demanded: {describe(demand.demanded)}
            <br />
            <span class="key dashed" /> measured: {describe(demand.measured)}
            <br />
            <strong>
              {demand.passed ? '✓ It fits: the batch is large enough.' : '✗ It does not fit: the batch grows.'}
            </strong>
          </>
        ) : test && !PICTURED.includes(test.name) ? (
          'This test has no picture; its numbers are below.'
        ) : test ? (
          'One sample has no spread; the test begins with two.'
        ) : (
          'A fixed batch has no test: nothing asks whether the mean can be trusted.'
        )}
      </p>
    </section>
  )
}

function describe(region: Region): string {
  if (region.shape === 'ball') return `a ball of radius ${short(region.radius)} around ḡ`
  if (region.shape === 'coordinates') return `±${short(region.halves[0])} and ±${short(region.halves[1])} by coordinate`
  const parts = [
    Number.isFinite(region.along) && `±${short(region.along)} along ḡ`,
    Number.isFinite(region.across) && `±${short(region.across)} across it`,
  ]
  return parts.filter(Boolean).join(', ')
}
