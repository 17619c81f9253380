"""What the server does beside Streamlit's pages: routes, the live stream, the watched folder."""
