/** A video, a sound or a picture; where this browser has no decoder for it, it says so and offers the file. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

type Kind = "video" | "sound" | "picture";

const VERB = { video: "play", sound: "play", picture: "show" };

function Undecoded({ kind, url }: { kind: Kind; url: string }) {
  const name = decodeURIComponent(url.split("/").pop()!);
  return (
    <p class="muted" role="status">
      This browser cannot {VERB[kind]} this {kind}.{" "}
      <a href={url} download={name}>
        Download {name}
      </a>
    </p>
  );
}

/** `children` is given what to call when the file cannot be decoded. */
function Decoded({ kind, url, children }: { kind: Kind; url: string; children: (fail: () => void) => ComponentChildren }) {
  const [failed, setFailed] = useState<string | null>(null);
  return failed === url ? <Undecoded kind={kind} url={url} /> : <>{children(() => setFailed(url))}</>;
}

export const Video = ({ url, label }: { url: string; label: string }) => (
  <Decoded kind="video" url={url}>
    {(fail) => (
      // A file whose pictures cannot be decoded may load all the same, and has no size then.
      <video src={url} controls preload="metadata" aria-label={label} onError={fail} onLoadedMetadata={(event) => event.currentTarget.videoWidth === 0 && fail()} />
    )}
  </Decoded>
);

export const Sound = ({ url, label }: { url: string; label: string }) => (
  <Decoded kind="sound" url={url}>
    {(fail) => <audio src={url} controls preload="none" aria-label={label} onError={fail} />}
  </Decoded>
);

export const Picture = ({ url, label, size }: { url: string; label: string; size: { width?: number; height?: number } }) => (
  <Decoded kind="picture" url={url}>
    {(fail) => (
      <a href={url} target="_blank" rel="noreferrer" title="Open it alone">
        <img src={url} alt={label} loading="lazy" decoding="async" {...size} onError={fail} />
      </a>
    )}
  </Decoded>
);
