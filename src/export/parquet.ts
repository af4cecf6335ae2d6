import type { BasicType } from 'hyparquet-writer'
import type { Column, Kind, Table } from './columns.ts'

const types: Record<Kind, BasicType> = { integer: 'INT64', number: 'DOUBLE', boolean: 'BOOLEAN', text: 'STRING' }

/**
 * A table as an Apache Parquet file: numbers are float64, counts int64. What each column means stands in the file's
 * metadata under `column:NAME`.
 *
 * @param metadata more pairs for the file's metadata
 */
export async function parquet(table: Table, metadata: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const meanings = table.columns.map(({ name, meaning }) => [`column:${name}`, meaning] as const)
  const pairs = [...Object.entries(metadata), ...meanings]
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: table.columns.map((column) => ({
        name: column.name,
        type: types[column.kind],
        data: values(column),
        nullable: column.values.includes(null),
      })),
      kvMetadata: pairs.map(([key, value]) => ({ key, value })),
    }),
  )
}

function values({ kind, values }: Column): unknown[] {
  if (kind === 'integer') return values.map((value) => (value === null ? null : BigInt(value as number)))
  return kind === 'text' ? values.map((value) => (value === null ? null : String(value))) : values.slice()
}
