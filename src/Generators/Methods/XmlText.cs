namespace Marrow.Generators.Methods;

/// <summary>Text in documentation comments, where a size may be <c>width &lt; 8 ? 4 : width</c>.</summary>
internal static class XmlText
{
    public static string Escape(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;");
}
