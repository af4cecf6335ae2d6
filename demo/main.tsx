import { render } from 'preact'
import { missingCapability } from './capabilities.ts'
import { Missing, Page } from './view/page.tsx'
import './style/page.css'

const host = document.getElementById('page')!
host.replaceChildren()
const missing = missingCapability()
render(missing ? <Missing what={missing} /> : <Page />, host)
