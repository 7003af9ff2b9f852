// What runs before the first paint, while the rest of the page is still on its way.

import "./theme.js";
import "./early_ink.js";
