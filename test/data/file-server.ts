// A server on the loopback address that serves files as well or as badly as a test wants.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What became of a request: where it asked to start, 0 for the whole file. */
export interface Request {
  readonly path: string
  readonly from: number
}

/** How one request is answered; the next one in the list answers the next, the last all that follow. */
export interface Manner {
  /** Bytes that are sent before the connection is cut. */
  readonly cutAfter?: number
  /** Bytes that are sent before nothing more comes. */
  readonly silentAfter?: number
  readonly ignoreRange?: boolean
  readonly status?: number
  /** Sent in place of the file. */
  readonly instead?: Uint8Array
  /** Does not say how long the file is, and ends cleanly where it is cut. */
  readonly withoutLength?: boolean
}

export interface FileServer {
  readonly address: string
  readonly requests: readonly Request[]
  close(): Promise<void>
}

export async function fileServer(
  files: Readonly<Record<string, Uint8Array>>,
  manners: readonly Manner[] = [{}],
): Promise<FileServer> {
  const requests: Request[] = []
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url!.slice(1)
    const range = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const manner = manners[Math.min(requests.length, manners.length - 1)]!
    requests.push({ path, from: range })
    const bytes = manner.instead ?? files[path]
    if (manner.status !== undefined || !bytes) return response.writeHead(manner.status ?? 404).end()
    const from = manner.ignoreRange ? 0 : range
    if (from > 0 && from >= bytes.length) return response.writeHead(416).end()
    const rest = bytes.subarray(from)
    const headers: Record<string, string | number> = manner.withoutLength ? {} : { 'content-length': rest.length }
    if (from > 0) headers['content-range'] = `bytes ${from}-${bytes.length - 1}/${bytes.length}`
    response.writeHead(from > 0 ? 206 : 200, headers)
    const cut = manner.cutAfter ?? manner.silentAfter
    if (cut === undefined) return response.end(rest)
    if (manner.withoutLength) return response.end(rest.subarray(0, cut))
    response.write(rest.subarray(0, cut), () => {
      // What was sent has to arrive before the connection goes.
      if (manner.cutAfter !== undefined) setTimeout(() => response.destroy(), 20)
    })
  }
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
