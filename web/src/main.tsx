/** Start the page. */

import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/components.css";
import "./styles/pages.css";
import { App } from "./pages/App";
import { startLink } from "./state/link";
import "./state/theme";

startLink();
render(<App />, document.getElementById("app")!);
