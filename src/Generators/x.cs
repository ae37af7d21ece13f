namespace Marrow.Generators; internal class XGenerators;
