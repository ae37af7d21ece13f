using Marrow.CompilerServices;
using Marrow.Quantization.Layers;
