// What pages of other people import, as `adadagrad/browser`: the library in one file, and what the demo's page is made of.
import './style/embed.css'

export * from '../src/index.ts'
export { type Chart, type ChartAxis, type ChartLine, type ChartOptions, chart } from './drawing/chart.ts'
export { type GradientCloud, type GradientPicture, gradientPicture } from './drawing/gradients.ts'
export { type LandscapeGrid, type LandscapeTrack, type LandscapeView, landscape } from './drawing/landscape.ts'
export type { Palette } from './drawing/palette.ts'
export { type BatchMoments, type Demand, demandOf, type NamedTest, type Region } from './drawing/regions.ts'
export { type Remembering, remembering } from './training/cloud.ts'
export { landscapeOf } from './training/landscape.ts'
export { createRace, type Race, type RaceOptions, type Racer } from './training/race.ts'
