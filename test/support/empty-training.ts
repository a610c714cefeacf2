// The training services of a tenant that has made nothing yet: exports are accepted and go nowhere, and there are no
// datasets. For tests of the HTTP layer that are about something else.

import type { Services } from "../../src/http/services.ts";

const nothing = () => Promise.resolve();
const none = () => Promise.resolve(null);
const noRows = () => Promise.resolve({ rows: [], hasMore: false });
const refuse = () => Promise.reject(new Error("this world has no datasets"));

export type TrainingServices = Pick<Services, "exports" | "exporter" | "datasets" | "datasetFiles">;

export function emptyTrainingServices(): TrainingServices {
  return {
    exports: {
      create: (row) =>
        Promise.resolve({
          ...row,
          status: "queued",
          ended_at: null,
          dataset_id: null,
          counts: null,
          error_code: null,
          error_detail: null,
        }),
      find: none,
      list: noRows,
      progress: nothing,
      end: nothing,
      retry: nothing,
      unended: () => Promise.resolve([]),
      tenantsWithGroups: () => Promise.resolve([]),
    },
    exporter: () => ({ wake: nothing }),
    datasets: {
      publish: nothing,
      find: none,
      list: noRows,
      markDeleted: nothing,
      trainedOn: () => Promise.resolve([]),
    },
    datasetFiles: {
      size: none,
      readText: none,
      readRange: refuse,
      stream: none,
      put: nothing,
      create: refuse,
      startUpload: refuse,
      abortUpload: nothing,
      deleteAll: nothing,
    },
  };
}
