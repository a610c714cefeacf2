// What others may ask of an export's object: types only, so that both sides and the tests share them. How an export
// stands is read from D1; its object is only ever told to go on.

export interface ExporterApi {
  /** Goes on with an export whose row stands in D1; an ended or unknown one leaves no trace. */
  wake(tenant: string, exportId: string): Promise<void>;
}
