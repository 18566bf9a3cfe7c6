/** The pages of artifacts, which are loaded together. */

export { ArtifactPage } from "./ArtifactPage";
export { ArtifactsPage } from "./ArtifactsPage";
