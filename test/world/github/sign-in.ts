import { html, json, redirect, type Answer, type Request } from "../answer.ts";
import type { Repository } from "./model.ts";
import type { State } from "./state.ts";

/** Who reads: a signed-in user, anyone, or somebody whose session ran out and who is told so by `answer`. */
export type Reader =
  | { readonly is: "signed-in" }
  | { readonly is: "anonymous" }
  | { readonly is: "expired"; readonly answer: Answer };

/** Looks at the cookie. A session that ran out shows in three ways; the third, 404, only on private repositories. */
export function readerOf(state: State, request: Request): Reader {
  const cookies = (request.headers.cookie ?? "").split(/; */);
  if (!cookies.includes(`user_session=${state.session.cookie}`)) return { is: "anonymous" };
  switch (state.session.state) {
    case "signed-in":
      return { is: "signed-in" };
    case "redirect":
      return {
        is: "expired",
        answer: redirect(
          `${state.webUrl}/login?return_to=${encodeURIComponent(state.webUrl + request.path)}`,
        ),
      };
    case "sign-in-page":
      return { is: "expired", answer: html(signInPage) };
    case "not-found":
  }
  return { is: "anonymous" };
}

export function mayRead(repository: Repository, reader: Reader): boolean {
  return reader.is === "signed-in" || !repository.private;
}

/** 404 as each kind of route says it. */
export function nothingHere(request: Request): Answer {
  if (wantsJson(request)) return json({ error: "Not Found" }, 404);
  return html(
    "<!DOCTYPE html><html><head><title>Page not found · GitHub</title></head><body>This is not the web page you are looking for.</body></html>",
    404,
  );
}

export function wantsJson(request: Request): boolean {
  return (request.headers.accept ?? "").includes("application/json");
}

const signInPage = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Sign in to GitHub · GitHub</title></head>
<body class="logged-out">
<form data-turbo="false" action="/session" accept-charset="UTF-8" method="post">
  <input type="hidden" name="authenticity_token" value="c2ltdWxhdGVk">
  <label for="login_field">Username or email address</label>
  <input type="text" name="login" id="login_field" autocomplete="username">
  <label for="password">Password</label>
  <input type="password" name="password" id="password" autocomplete="current-password">
  <input type="submit" name="commit" value="Sign in">
</form>
</body>
</html>
`;
