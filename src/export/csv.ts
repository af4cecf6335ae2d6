import type { Cell, Table } from './columns.ts'

/** A table as CSV after RFC 4180 but for the line ends: a header, `\n`, UTF-8; null is an empty cell, numbers have all their digits. */
export function* csv({ columns, rows }: Table): Generator<string> {
  yield `${columns.map(({ name }) => quoted(name)).join(',')}\n`
  for (let row = 0; row < rows; row++) yield `${columns.map(({ values }) => cell(values[row]!)).join(',')}\n`
}

const cell = (value: Cell): string => (value === null ? '' : typeof value === 'string' ? quoted(value) : String(value))

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
