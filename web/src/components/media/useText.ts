/** The text of a run's file, for a component that shows it. */

import { useEffect, useState } from "preact/hooks";
import { getText } from "../../api/client";
import { asApiError, isAbort, type ApiError } from "../../api/error";

/** Ask for a text file; null until it is there. */
export function useText(url: string): { text: string | null; error: ApiError | null } {
  const [state, setState] = useState<{ text: string | null; error: ApiError | null }>({ text: null, error: null });
  useEffect(() => {
    const abort = new AbortController();
    setState({ text: null, error: null });
    getText(url, abort.signal).then(
      (text) => setState({ text, error: null }),
      (error) => isAbort(error) || setState({ text: null, error: asApiError(error) }),
    );
    return () => abort.abort();
  }, [url]);
  return state;
}
