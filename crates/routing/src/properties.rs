//! What holds for every plan, whatever is asked.
