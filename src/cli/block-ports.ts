// What the commands that block and unblock ask of the running process, or of the state on disk.

export interface BlockMethods {
  'block.add'(params: BlockRequest & { readonly forMs: number | null }): Promise<BlockSummary>
  'block.remove'(params: BlockRequest): Promise<BlockSummary>
  'block.list'(params: Record<string, never>): Promise<readonly BlockSummary[]>
}

export interface BlockRequest {
  /** caller: a principal or group; agent: the name of one */
  readonly kind: 'caller' | 'agent'
  readonly id: string
  /** why, for the record; '' for none */
  readonly reason: string
}

export interface BlockSummary extends BlockRequest {
  readonly sinceMs: number
  /** null: until it is unblocked */
  readonly untilMs: number | null
}
