# cmake -DOUT=header -DCOMMON=common.lua -DIN="a.lua;b.lua" -P embed.cmake: each file, behind what they share, as a
# zero-terminated array sol_<name>_lua.
set(text "/* Made from the .lua files beside embed.cmake. */\n")
file(READ ${COMMON} common HEX)
foreach(file ${IN})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1, " bytes "${common}${bytes}")
  string(APPEND text "static const char sol_${name}_lua[] = {${bytes}0};\n")
endforeach()
file(WRITE ${OUT} "${text}")
