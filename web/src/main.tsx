/** Start the page. */

import { render } from "preact";
import "./styles/index.css";
import { App } from "./pages/App";
import { startLink } from "./state/link";
import "./state/theme";

startLink();
render(<App />, document.getElementById("app")!);
