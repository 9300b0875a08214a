# embed.cmake - writes OUT, a C file with the bytes of the files IN (one behind the other) as the
# array NAME and their number as NAME_bytes, so that what a page is made of is kept as files that a
# browser and a reader know.
set(all "")
foreach(file ${IN})
  file(READ "${file}" hex HEX)
  string(APPEND all "${hex}")
endforeach()
string(LENGTH "${all}" digits)
math(EXPR bytes "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," all "${all}")
string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" all "${all}")
file(WRITE "${OUT}" "#include \"viewer_files.h\"\n\nconst unsigned char ${NAME}[] = {\n${all}\n0};\n"
  "const size_t ${NAME}_bytes = ${bytes};\n")
