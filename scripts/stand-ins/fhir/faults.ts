/** A fault on demand: what happens to the next requests that fit. */
export interface Fault {
  /** Method and path must match this regular expression, e.g. `^PUT /ImagingStudy/`. */
  readonly on: string
  /** How many requests; 1 when left out. */
  readonly times?: number
  /** Let so many fitting requests pass first. */
  readonly skip?: number
  readonly do:
    /** Answers with `status`, `headers` and `body`, and does nothing. */
    | 'answer'
    /** Never answers. */
    | 'hang'
    /** Cuts the connection, having done nothing. */
    | 'drop'
    /** Does it, then cuts the connection: the client cannot know. */
    | 'commit-then-drop'
    /** A read answers with the version before the newest. */
    | 'stale-read'
    /** Answers 200 with a body that does not end. */
    | 'flood'
    /** Somebody else is a moment earlier: makes the same resource, or writes a new version of it. */
    | 'rival'
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Faults {
  add(fault: Fault): void
  /** The fault for this request, which is used up by asking. */
  take(method: string, path: string): Fault | null
  clear(): void
}

export function openFaults(): Faults {
  let waiting: { fault: Fault; pattern: RegExp; left: number; skip: number }[] = []
  return {
    add: (fault) => {
      waiting.push({
        fault,
        pattern: new RegExp(fault.on, 'u'),
        left: fault.times ?? 1,
        skip: fault.skip ?? 0,
      })
    },
    take: (method, path) => {
      const found = waiting.find(({ pattern }) => pattern.test(`${method} ${path}`))
      if (!found) return null
      if (found.skip > 0) {
        found.skip -= 1
        return null
      }
      found.left -= 1
      if (found.left <= 0) waiting = waiting.filter((one) => one !== found)
      return found.fault
    },
    clear: () => {
      waiting = []
    },
  }
}
