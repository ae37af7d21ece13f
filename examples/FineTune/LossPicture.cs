namespace Marrow.Examples.FineTune;
internal static class LossPicture { public static void Write(string path, IReadOnlyList<MethodResult> results) { } }
