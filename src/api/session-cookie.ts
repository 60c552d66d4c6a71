/** Name of the cookie that carries a session: HttpOnly, SameSite=Strict, Secure under https. */
export const sessionCookie = 'mooring_session';
