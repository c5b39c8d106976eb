// An answer without a list (the session has ended, or too much was asked for) is shown as the page it is.
(() => {
  "use strict";
  const whole = (event) => {
    event.preventDefault();
    location.assign(event.detail.pathInfo.finalRequestPath);
  };
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.detail.xhr.responseText.includes('<div id="found">')) whole(event);
  });
  document.addEventListener("htmx:sendError", whole);
})();
